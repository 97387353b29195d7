/** What a subscription sends, one answer after the other. */
export type Listener = {
  status: number;
  type: string | null;
  /** The header `retry-after`. */
  retryAfter: string | null;
  stop(): void;
  /** The next answer; null at the end. */
  // biome-ignore lint/suspicious/noExplicitAny: answers have the shape their subscription asks for
  next(): Promise<{ data?: any; errors?: { message: string; extensions: Record<string, unknown> }[] } | null>;
};

/** Subscribes over server-sent events, as any client would. */
export async function subscribe(
  url: string,
  key: string,
  query: string,
  variables: object = {},
): Promise<Listener> {
  const stop = new AbortController();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    signal: stop.signal,
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${key}`,
    },
    body: JSON.stringify({ query, variables }),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    retryAfter: response.headers.get('retry-after'),
    stop: () => stop.abort(),
    async next() {
      for (;;) {
        const found = /event: (next|complete)\ndata:(.*)\n\n/.exec(text);
        if (found) {
          text = text.slice(found.index + found[0].length);
          return found[1] === 'next' ? JSON.parse(found[2] ?? '') : null;
        }
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) return null;
        text += value;
      }
    },
  };
}
