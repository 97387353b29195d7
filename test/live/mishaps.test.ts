/** The engine on real time while its queue, its connections or its workers fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually, expectClosed, plus } from '../support/closes.ts';
import { faults, KINDS, openStore } from '../support/live.ts';
import { openReceiver } from '../support/receiver.ts';
import { requireOrSkip } from '../support/redis.ts';
import { spawnService } from '../support/service.ts';
import { openTenant } from '../support/tenant.ts';

const MINUTE = 60_000;
/** The tolerated lateness of a close after a failure of the queue. */
const AT_MOST_LATE_MS = 15_000;

const names = (count: number) => Array.from({ length: count }, (_, index) => `contact-${index}`);

describe.for(KINDS)('with its queue on %s', (kind) => {
  const options = kind === 'redis' ? requireOrSkip('redis') : {};

  describe('during failures', options, () => {
    it.concurrent.for([
      { what: 'everything in the queue is deleted, or its connections are cut', mishaps: ['wipe', 'cut'] },
      { what: 'the queue loses every job', mishaps: ['lose'] },
    ] as const)('LP-1 a close is at most 15 s late if $what', async ({ mishaps }, test) => {
      const store = await openStore(kind);
      test.onTestFinished(store.close);
      const tenant = await openTenant(await store.worker(), store.sql, { autoCloseAfter: 'PT1M' });
      for (const mishap of mishaps) {
        const due = tenant.in(2_000);
        await tenant.answered([mishap], plus(due, -MINUTE));
        await eventually(async () => expect(await tenant.alarms(due)).toEqual([{ wake_at: due }]));
        await sleep(200);
        await store[mishap]();
        await expectClosed(tenant, mishap, due, AT_MOST_LATE_MS);
      }
      expect(await faults(store.sql)).toEqual([]);
    });

    it.concurrent('LP-1 after a worker is killed during 2,000 closes, another closes the rest, each exactly once', async (test) => {
      const store = await openStore(kind);
      const subscriber = await openReceiver(() => 204);
      test.onTestFinished(store.close);
      test.onTestFinished(subscriber.close);
      const engine = await store.engine();
      const tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1M' });
      await tenant.subscribe(subscriber.url);
      await tenant.answered(names(2_000), tenant.in(-MINUTE));
      await store.linger(tenant.accountId, 0.3);
      await engine.close();
      const worker = spawnService(store.env);
      await eventually(async () => expect(await tenant.ended()).not.toEqual([]));
      await eventually(async () => expect(await store.closing()).not.toEqual([]));
      worker.kill('SIGKILL');
      await worker.ended;
      expect((await tenant.open()).length).toBeGreaterThan(500);
      await store.worker();
      await eventually(async () => expect(await tenant.ended()).toHaveLength(2_000));
      expect(await faults(store.sql)).toEqual([]);
      const told = (await tenant.effects()).map(({ address }) => address);
      expect([told.length, new Set(told).size]).toEqual([2_000, 2_000]);
    });
  });
});
