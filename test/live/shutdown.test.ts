import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/closes.ts';
import { openStore, type Store } from '../support/live.ts';
import { spawnService } from '../support/service.ts';
import { openTenant } from '../support/tenant.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore('postgres');
});
afterAll(() => store.close());

/** A subscriber that answers no request until it is told to. */
async function openSlowReceiver() {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    waiting,
    answer() {
      for (const response of waiting) response.writeHead(204).end();
    },
    close: () => server.close(),
  };
}

it('a worker that is stopped finishes the request it is sending, and the process accepts no request meanwhile', async () => {
  const engine = await store.engine();
  const tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
  const receiver = await openSlowReceiver();
  await tenant.subscribe(receiver.url);
  const env = { ...store.env, LOG_LEVEL: 'info', LULL_METRICS_PORT: '0' };
  const service = spawnService(env, 'src/cli.ts', 'serve', '--role', 'all');
  const url = await service.running;
  const metrics = /"metrics":"([^"]+)"/.exec(service.said())?.[1];
  await tenant.answered(['quiet'], tenant.in(-60 * 60_000 + 500));
  await eventually(async () => expect(receiver.waiting).toHaveLength(1));

  service.kill('SIGTERM');
  await eventually(async () => {
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });
  const ready = await fetch(`${metrics}/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { ready: false, failing: ['stopping'] }]);
  expect((await fetch(`${metrics}/health`)).status).toBe(200);
  expect(await tenant.effects()).toMatchObject([{ state: 'PENDING' }]);

  receiver.answer();
  expect(await service.ended).toEqual({ code: 0, signal: null });
  expect(await tenant.effects()).toEqual([{ address: 'quiet', state: 'SENT', attempts: 1 }]);
  receiver.close();
});
