import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Answer, NoAnswerError, type Resolve, sendGuarded } from './guarded-request.ts';

/** The limit of a provider's response body, before and after decompression. A longer body is not read. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** The limit of an adapter's request body. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** Idle connections are kept for a shorter time than servers keep them. */
const KEEP_IDLE_MS = 3_000;
const MAX_IDLE_CONNECTIONS = 8;
/** Headers of the connection, which adapters must not set. */
const CONNECTION_HEADERS = [
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];
const STATUSES_WITHOUT_BODY: readonly number[] = [204, 205, 304];

/** Makes the `fetch` of one adapter call. Every request ends when `signal` aborts, even if the adapter does not pass it. */
export type FetchWithin = (signal: AbortSignal) => typeof fetch;

/**
 * Makes a `fetch` for adapters that sends through `sendGuarded`. Redirects are not followed. The response body is read in
 * advance, up to 1 MiB; reading a longer or truncated body fails, while status and headers remain available. Only the
 * options `method`, `headers`, `body` and `signal` apply.
 */
export function openGuardedFetch(options: { allowPrivate: boolean; resolve?: Resolve }): FetchWithin {
  const keepAlive = { keepAlive: true, timeout: KEEP_IDLE_MS, maxFreeSockets: MAX_IDLE_CONNECTIONS };
  const agents = { http: new Agent(keepAlive), https: new HttpsAgent(keepAlive) };
  return (callSignal) => async (input, init) => {
    const { body: givenBody, headers, method, signal: givenSignal } = init ?? {};
    const request = new Request(input, {
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers }),
      ...(givenBody === undefined || givenBody === null ? {} : { body: givenBody, duplex: 'half' }),
      ...(givenSignal === undefined ? {} : { signal: givenSignal }),
    });
    const signal = AbortSignal.any([callSignal, request.signal]);
    const url = new URL(request.url);
    try {
      const body = await bodyOf(request, signal);
      const answer = await sendGuarded(
        url,
        { method: request.method, headers: headersOf(request), body },
        { ...options, agents, signal, maxAnswerBytes: MAX_ANSWER_BYTES },
      );
      return responseOf(answer, url);
    } catch (error) {
      // As in the web's fetch. A request that was never sent keeps its error, because it can be retried safely.
      if (signal.aborted && !(error instanceof NoAnswerError && !error.wasSent)) throw signal.reason;
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

function headersOf(request: Request): Record<string, string> {
  const headers = Object.fromEntries(request.headers);
  for (const name of CONNECTION_HEADERS) delete headers[name];
  return { 'user-agent': 'Lull', ...headers, 'accept-encoding': 'identity' };
}

/** @throws NoAnswerError if the body is over the limit or does not end in time */
async function bodyOf(request: Request, signal: AbortSignal): Promise<Uint8Array | null> {
  if (request.body === null) return null;
  const reader = request.body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    chunks.push(value);
    if (bytes <= MAX_REQUEST_BYTES) continue;
    stop();
    throw new NoAnswerError(`the request is longer than ${MAX_REQUEST_BYTES} bytes`);
  }
  signal.removeEventListener('abort', stop);
  return Buffer.concat(chunks);
}

/** @throws NoAnswerError for a status outside 200 to 599, which a `Response` cannot have */
function responseOf({ status, rawHeaders, body }: Answer, url: URL): Response {
  if (status < 200 || status > 599)
    throw new NoAnswerError(`no answer: its status is ${status}`, { wasSent: true });
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  // The body is already decompressed.
  headers.delete('content-encoding');
  headers.delete('content-length');
  const content = STATUSES_WITHOUT_BODY.includes(status)
    ? null
    : body === null
      ? unreadableBody()
      : Buffer.from(body);
  const response = new Response(content, { status, headers });
  return Object.defineProperty(response, 'url', { value: url.href });
}

/** A body that fails when it is read, but can be cancelled. */
function unreadableBody(): ReadableStream {
  return new ReadableStream(
    {
      pull(controller) {
        controller.error(new TypeError(`the response is longer than ${MAX_ANSWER_BYTES} bytes or truncated`));
      },
    },
    { highWaterMark: 0 },
  );
}
