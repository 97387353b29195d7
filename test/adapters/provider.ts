import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import type { Adapter, OutboundMessage } from '../../src/adapters/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { NOW } from './samples.ts';

const fetchWithin = openGuardedFetch({ allowPrivate: true });
const PLACE = {
  id: '019b0000-0000-7000-8000-00000000c0de',
  conversationId: '019b0000-0000-7000-8000-000000000001',
};

/** A close message to this address. */
export function goodbyeTo(address: string): OutboundMessage {
  return { ...PLACE, address, kind: 'CLOSE_MESSAGE', text: 'Auf Wiedersehen, grüß Gott' };
}

/** A template in the language of this customer. */
export function templateTo(address: string, locale: string | null): OutboundMessage {
  return { ...PLACE, address, kind: 'TEMPLATE', template: 'conversation_closed', locale };
}

/** A message without a text of its own. */
export function partTo(address: string, kind: 'SURVEY' | 'SEPARATOR'): OutboundMessage {
  return { ...PLACE, address, kind };
}

/** A provider on the loopback for the tests of one file: it answers as it is told and notes what it got. */
export function openProvider() {
  let answer: RequestListener = () => {};
  const got: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ url: request.url ?? '', headers: request.headers, body });
    answer(request, response);
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return {
    got,
    /** Where it is; known once the tests run. */
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Has it answer with this. */
    answers(status: number, body: unknown = {}, headers: Record<string, string> = {}) {
      answer = (_request, response) =>
        response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end(JSON.stringify(body));
    },
    /** Has it do this. */
    does(listener: RequestListener) {
      answer = listener;
    },
    /** Sends one message through an adapter, of which one setting says where the provider is. */
    async send(
      adapter: Adapter,
      settings: object,
      message: OutboundMessage,
      signal = new AbortController().signal,
    ) {
      got.length = 0;
      const context = {
        settings: parseSettings(adapter, settings),
        fetch: fetchWithin(signal),
        now: () => NOW,
        signal,
      };
      return await adapter.deliver(message, context);
    },
  };
}
