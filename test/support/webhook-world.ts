import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';
import { createVault } from '../../src/adapters/vault.ts';
import { sendWebhook, type WebhookDeps } from '../../src/delivery/webhooks/send-webhook.ts';
import type { ServiceDeps } from '../../src/engine.ts';
import { createLog } from '../../src/log.ts';
import { disableUnwanted, type EndpointDeps } from '../../src/rules/endpoints.ts';
import type { Engine } from './engine.ts';
import { createEndpoint, openSender as openOutboxSender } from './flows.ts';
import type { Call } from './receiver.ts';

export const AUTHOR = { changedBy: 'test', why: null };
export const NO_KEY = { key: null, request: null };

/** What a subscriber answers: a status, one with headers, or nothing at all. */
type Answering = number | { status: number; headers: OutgoingHttpHeaders } | 'NOTHING';

/** A subscriber on this machine: it keeps what it is sent and answers what `answer` says just then. */
export async function openSubscriber() {
  const subscriber = { calls: [] as Call[], answer: 200 as Answering, url: '', close: () => {} };
  const server = createServer((request, response) => {
    text(request).then((body) => {
      subscriber.calls.push({ headers: request.headers, body });
      const { answer } = subscriber;
      if (answer === 'NOTHING') return;
      if (typeof answer === 'number') response.writeHead(answer).end();
      else response.writeHead(answer.status, answer.headers).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  subscriber.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  subscriber.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return subscriber;
}

/** The sending of webhooks on an engine: a test says when. Two of them are two workers. */
export function openSender(engine: Engine, options: Partial<Omit<WebhookDeps, 'vault'>> = {}) {
  const lines: string[] = [];
  const log = createLog({ logLevel: 'debug' }, { write: (line) => lines.push(line) });
  const vault = createVault(randomBytes(32));
  const deps: WebhookDeps & EndpointDeps & ServiceDeps = {
    ...engine.deps,
    disableEndpoint: (accountId, endpointId) => disableUnwanted(engine.deps, accountId, endpointId),
    vault,
    allowPrivateWebhooks: true,
    ...options,
  };
  const handlers = {
    SEND_WEBHOOK: sendWebhook(deps),
    DELIVER_MESSAGE: async () => ({ state: 'SENT' }) as const,
  };
  const outbox = openOutboxSender({ ...deps, chance: () => 0 }, handlers, log);
  return {
    deps,
    logged: () => lines.join(''),
    relay: () => outbox.drain(),
    subscribe: (url: string, events: readonly string[], channelId: string | null = null) =>
      createEndpoint(deps, engine.accountId, { url, events: [...events], channelId }, AUTHOR),
    endpoint: async (id: string) =>
      (
        await engine.db
          .sql`select * from webhook_endpoint where account_id = ${engine.accountId} and id = ${id}`
      )[0],
    /** What is owed to an endpoint, in the order it was written. */
    owed: (endpointId: string) => engine.db.sql`
      select id, state, attempts, due_at, error, payload->>'type' as type from outbox
      where account_id = ${engine.accountId} and endpoint_id = ${endpointId} order by id`,
    /** The log of an endpoint, the oldest first. */
    log: (endpointId: string) => engine.db.sql`
      select outbox_id, type, at, took_ms, status, error from webhook_delivery
      where account_id = ${engine.accountId} and endpoint_id = ${endpointId} order by id`,
  };
}

/** What a receiver's library makes of a call, at the instant it was sent; throws where it is not genuine. */
export function verified({ headers, body }: Call, secret: string): unknown {
  const now = Number(headers['webhook-timestamp']) * 1000;
  vi.useFakeTimers({ toFake: ['Date'], now });
  try {
    return new Webhook(secret).verify(body, headers as Record<string, string>);
  } finally {
    vi.useRealTimers();
  }
}
