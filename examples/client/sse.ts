/** The server sends at least a comment every 12 s. After a longer silence the connection is taken for lost. */
const SILENCE_MS = 40_000;

/** The server refused the request; `isFinal` if it will refuse it again, such as for a wrong key. */
export class RefusedError extends Error {
  readonly isFinal: boolean;
  constructor(status: number, body: string) {
    super(`the server answered ${status}: ${body.slice(0, 200)}`);
    this.isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  }
}

/** What a subscription sends: an answer to its query, or the errors that end it. */
type Message = { data?: unknown; errors?: { message: string }[] };

/**
 * Subscribes over server-sent events with `fetch`, as it works in browsers too. The browser's own `EventSource` cannot be
 * used: it sends no `authorization` header and no body.
 */
export async function openEventStream(
  url: string,
  headers: Record<string, string>,
  request: { query: string },
  signal: AbortSignal,
): Promise<AsyncGenerator<Message>> {
  const lost = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: AbortSignal.any([signal, lost.signal]),
  });
  if (!response.ok || !response.body) throw new RefusedError(response.status, await response.text());
  return messagesOf(response.body, lost);
}

async function* messagesOf(body: ReadableStream<Uint8Array>, lost: AbortController): AsyncGenerator<Message> {
  const silent = () => lost.abort(new Error('the server fell silent'));
  let timer = setTimeout(silent, SILENCE_MS);
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENCE_MS);
      const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: ?(.+)$/m.exec(block)?.[1];
        if (data === undefined || !block.includes('event: next')) continue;
        const message = JSON.parse(data) as Message;
        if (message.errors) throw new Error(message.errors.map((error) => error.message).join('; '));
        yield message;
      }
    }
  } finally {
    clearTimeout(timer);
    lost.abort();
  }
}
