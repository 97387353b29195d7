import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Answer, NoAnswerError, type Resolve, sendGuarded } from './guarded-request.ts';

/** The most bytes of a provider's answer that are read, as they come and unpacked: it is cut there. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** The most bytes that an adapter may send in one request. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** How long a connection is kept for a later request: less than servers keep theirs. */
const KEEP_IDLE_MS = 3_000;
const MOST_KEPT = 8;
/** Headers that are about the connection, which is not the adapter's. */
const OF_THE_CONNECTION = [
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

/** Makes the `fetch` of one call: whatever the adapter says, it ends when `signal` is aborted. */
export type FetchWithin = (signal: AbortSignal) => typeof fetch;

/**
 * Opens the way out for adapters, in the shape of the web's `fetch`. Every request goes through the guard: addresses
 * are checked as they are connected to, redirects are answers like any other, and the body of an answer has been read
 * before it is handed over, up to 1 MiB. Reading one that was cut fails; its status and headers are there. Of the
 * options `method`, `headers`, `body` and `signal` count, and no other.
 */
export function openGuardedFetch(options: { allowPrivate: boolean; resolve?: Resolve }): FetchWithin {
  const kept = { keepAlive: true, timeout: KEEP_IDLE_MS, maxFreeSockets: MOST_KEPT };
  const agents = { http: new Agent(kept), https: new HttpsAgent(kept) };
  return (callsSignal) => async (input, init) => {
    const { body: given, headers, method, signal: asked } = init ?? {};
    const request = new Request(input, {
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers }),
      ...(given === undefined || given === null ? {} : { body: given, duplex: 'half' }),
      ...(asked === undefined ? {} : { signal: asked }),
    });
    const signal = AbortSignal.any([callsSignal, request.signal]);
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
      // As the web has it; but what never went out says so, since it can be made again.
      if (signal.aborted && !(error instanceof NoAnswerError && !error.wasSent)) throw signal.reason;
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

function headersOf(request: Request): Record<string, string> {
  const headers = Object.fromEntries(request.headers);
  for (const name of OF_THE_CONNECTION) delete headers[name];
  return { 'user-agent': 'Lull', ...headers, 'accept-encoding': 'identity' };
}

/** @throws NoAnswerError where it is too long, or does not end in time */
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

/** @throws NoAnswerError where it is none that the web knows */
function responseOf({ status, rawHeaders, body }: Answer, url: URL): Response {
  if (status < 200 || status > 599)
    throw new NoAnswerError(`no answer: its status is ${status}`, { wasSent: true });
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  // The body is no longer packed.
  headers.delete('content-encoding');
  headers.delete('content-length');
  const content = WITHOUT_BODY.includes(status) ? null : body === null ? cutShort() : Buffer.from(body);
  const response = new Response(content, { status, headers });
  return Object.defineProperty(response, 'url', { value: url.href });
}

/** A body that cannot be read, though it can be let go of. */
function cutShort(): ReadableStream {
  return new ReadableStream(
    {
      pull(controller) {
        controller.error(new TypeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes, or broke off`));
      },
    },
    { highWaterMark: 0 },
  );
}
