import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pgPoolConfig } from '../../src/db/address.ts';
import { openDatabase } from '../../src/db/client.ts';
import type { DatabaseGauges } from '../../src/db/gauges.ts';
import { watchEventLoop } from '../../src/http/event-loop.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createLog } from '../../src/log.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import { openGate } from '../jobs/store.ts';
import {
  type BusyApi,
  type BusyOptions,
  expectBusy,
  NAME,
  openBusyApi,
  PATIENTLY,
  soon,
} from './busy-api.ts';

let busyApi: BusyApi;
beforeAll(async () => {
  busyApi = await openBusyApi();
});
afterEach(() => busyApi.letGoOfAll());
afterAll(() => busyApi.close());

describe('the event loop', () => {
  /** Blocks the event loop for this long, with short breaks for other work. */
  async function beBusy(forMs: number, taskMs: number): Promise<void> {
    for (const end = performance.now() + forMs; performance.now() < end; ) {
      for (const taskEnd = performance.now() + taskMs; performance.now() < taskEnd; );
      await nextTurn();
    }
  }

  it(
    'a process whose event loop lags refuses requests, answers probes, and recovers as soon as the lag ends',
    async () => {
      const server = await busyApi.serve({ maxDelayMs: 50 });
      const asked: Promise<Response>[] = [];
      // More and more requests are sent until it has been behind for long enough.
      for (let count = 0; count < 200 && server.refused.length === 0; count++) {
        asked.push(busyApi.post(server, NAME));
        await beBusy(200, 200);
      }
      const probe = fetch(`${server.url}/health`);
      const shed = (await Promise.all(asked)).filter(({ status }) => status === 503);
      expect(shed.length).toBeGreaterThan(0);
      await expectBusy(shed[0] as Response);
      expect(new Set(server.refused)).toEqual(new Set(['event_loop']));
      expect((await probe).status).toBe(200);
      await expect.poll(async () => (await busyApi.post(server, NAME)).status, soon).toBe(200);
    },
    PATIENTLY,
  );

  it('one long task does not count as overload', async () => {
    const watch = watchEventLoop();
    await sleep(600);
    await beBusy(2_000, 2_000);
    await sleep(50);
    expect(watch.delayMs()).toBeLessThan(500);
    watch.stop();
  });
});

describe('metrics', () => {
  it('show why requests were refused, and how busy the process is', async () => {
    const metrics = createMetrics({
      clock: { ...busyApi.api.engine.clock, offsetMs: () => 0 },
      readDatabase: () => Promise.reject<DatabaseGauges>(new Error('away')),
      readQueue: async () => [],
      countConnections: busyApi.api.engine.db.counts,
      log: createLog({ logLevel: 'silent' }),
    });
    const server = await busyApi.serve({ requestsAtOnce: 1, requestsWaiting: 1, waitMs: 60_000 }, metrics);
    metrics.serving(server.load);
    const letGo = await busyApi.holdUp();
    const [working, waiting] = [busyApi.post(server, NAME), busyApi.post(server, NAME)];
    await expect.poll(() => server.load(), soon).toEqual({ requests: 1, waiting: 1, subscriptions: 0 });
    await expectBusy(await busyApi.post(server, NAME));
    const { text } = await metrics.scrape();
    for (const line of [
      'lull_http_refused_total{reason="full"} 1',
      'lull_http_refused_total{reason="waited"} 0',
      'lull_http_requests{state="working"} 1',
      'lull_http_requests{state="waiting"} 1',
      'lull_subscriptions 0',
    ])
      expect(text).toContain(`${line}\n`);
    await letGo();
    expect([(await working).status, (await waiting).status]).toEqual([200, 200]);
  });
});

describe('an unreachable database', () => {
  /** The API behind a network path to the database that can be cut. */
  async function throughGate(options: BusyOptions) {
    const { address, clock, deps } = busyApi.api.engine;
    const { host, port, user, password, database } = pgPoolConfig(address);
    const gate = await openGate(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    const db = openDatabase({ url: `postgres://${user}${secret}@127.0.0.1:${gate.port}/${database}` });
    const identify = openAccess({ db, clock }, null);
    const server = await busyApi.serve(options, { ...deps, db, identify });
    const close = async () => {
      await server.close();
      await db.close();
      await gate.shut();
    };
    return { gate, server, close };
  }

  it(
    'is answered with 503 and Retry-After within seconds, and calls are accepted again as soon as it is back',
    async () => {
      const { gate, server, close } = await throughGate({});
      expect((await busyApi.post(server, NAME)).status).toBe(200);
      await gate.shut();
      const path = busyApi.pathOf(busyApi.channels.web);
      const calls = Array.from({ length: 300 }, (_, index) =>
        index % 3 === 0
          ? busyApi.call(path, busyApi.wire([busyApi.message(`away ${index}`, `away ${index}`)]), server.url)
          : busyApi.post(server, busyApi.inbound(`away ${index}`)),
      );
      for (const response of await Promise.all(calls)) {
        expect(response.status).toBe(503);
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
      }
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await gate.open();
      await expect.poll(async () => (await busyApi.post(server, NAME)).status, soon).toBe(200);
      expect(await busyApi.applied('away ')).toEqual([]);
      expect((await busyApi.post(server, busyApi.inbound('back'))).status).toBe(200);
      expect(await busyApi.applied('back')).toEqual(['back']);
      await close();
    },
    PATIENTLY,
  );

  it('that drops packets, as behind a firewall, leaves no caller without an answer', async () => {
    const limits = { requestsAtOnce: 4, requestsWaiting: 4, waitMs: 300, answerWithinMs: 1_000 };
    const { gate, server, close } = await throughGate(limits);
    expect((await busyApi.post(server, NAME)).status).toBe(200);
    gate.jam();
    const calls = Array.from({ length: 12 }, () => busyApi.post(server, NAME));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    // No caller can be authenticated.
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(server.refused.sort()).toEqual([...Array(4).fill('full'), ...Array(8).fill('waited')]);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await gate.shut();
    await gate.open();
    await expect.poll(async () => (await busyApi.post(server, NAME)).status, soon).toBe(200);
    expect(server.load().requests).toBe(0);
    await close();
  });

  it('that disconnects during a query is answered 503 and not 500, and reveals no secret', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED db.internal:5432'), { code: 'ECONNREFUSED' });
    const sql = Object.assign(() => Promise.reject(away), { unsafe: () => Promise.reject(away) });
    const { deps } = busyApi.api;
    const server = await busyApi.serve({}, { db: { ...deps.db, sql } as never });
    const response = await busyApi.post(server, NAME);
    const text = await response.text();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    expect(text).not.toContain('db.internal');
  });
});
