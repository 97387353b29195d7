/**
 * The engine on real time, with real queues, and polled. Thresholds are the least there is, a minute, so activities
 * are reported as of 58 s ago for something to fall due in 2 s.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/app.ts';
import {
  eventually,
  expectAsleep,
  expectClosed,
  OVERDUE_MS,
  openSleepingTenant,
  plus,
} from '../support/closes.ts';
import { wakeLane } from '../support/flows.ts';
import { faults, KINDS, openStore, type Store } from '../support/live.ts';
import { type Call, lullSignature, openReceiver, standardSignature } from '../support/receiver.ts';
import { requireOrSkip } from '../support/redis.ts';
import { CHANNEL_SECRET, openTenant, type Tenant, toldOfClose } from '../support/tenant.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const names = (count: number) => Array.from({ length: count }, (_, index) => `contact-${index}`);
/** Spreads racers over ±250 ms, most of them close to the finish. */
const spread = (index: number, count: number) => 250 * ((2 * index) / (count - 1) - 1) ** 3;

describe.for(KINDS)('with its queue on %s', (kind) => {
  const options = kind === 'redis' ? requireOrSkip('redis') : {};

  describe('two workers', options, () => {
    let store: Store;
    let one: Engine;
    let two: Engine;
    const open = (policy: Record<string, unknown>, settings = {}) =>
      openTenant(one, store.sql, policy, settings);
    beforeAll(async () => {
      store = await openStore(kind);
      one = await store.worker();
      two = await store.worker();
    });
    afterAll(async () => {
      expect(await faults(store.sql)).toEqual([]);
      expect(store.logged()).toBe('');
      await store.close();
    });

    it.concurrent('tell subscribers of an end once, signed, and repeat only the deliveries that failed', async (test) => {
      const steady = await openReceiver(() => 200);
      const shaky = await openReceiver((_, earlier) => (earlier.length === 0 ? 500 : 204));
      test.onTestFinished(steady.close);
      test.onTestFinished(shaky.close);
      const tenant = await open({ autoCloseAfter: 'PT1M' });
      const secret = await tenant.subscribe(steady.url);
      await tenant.subscribe(shaky.url);
      await tenant.answered(['ada'], tenant.in(1_000 - MINUTE));
      await eventually(async () => expect(steady.calls).toHaveLength(1));
      const told = toldOfClose(await tenant.latest('ada'));
      const [call] = steady.calls as [Call];
      expect(JSON.parse(call.body)).toEqual(told);
      expect(call.headers['webhook-signature']).toBe(standardSignature(call, secret));
      const done = [
        { address: 'ada', state: 'SENT', attempts: 1 },
        { address: 'ada', state: 'SENT', attempts: 2 },
      ];
      await eventually(async () => expect(await tenant.effects()).toEqual(done));
      const [failed, repeated, ...more] = shaky.calls as [Call, Call];
      expect(repeated.headers['webhook-id']).toBe(failed.headers['webhook-id']);
      expect(repeated.body).toBe(failed.body);
      expect(more).toEqual([]);
      expect(steady.calls).toHaveLength(1);
    });

    it.concurrent('PE-2 send a reminder before the close, but not after a reply', async (test) => {
      const to = (address: string) => (call: Call) => JSON.parse(call.body).address === address;
      const platform = await openReceiver((call) => (to('bob')(call) ? 503 : 200));
      test.onTestFinished(platform.close);
      const policy = { autoCloseAfter: 'PT2M', remindBefore: ['PT1M'] };
      const tenant = await open(policy, { deliverUrl: platform.url });
      await tenant.answered(['ada', 'bob'], tenant.in(1_000 - MINUTE));
      await eventually(async () => expect(platform.calls).toHaveLength(2));
      await tenant.does('bob', { kind: 'INBOUND' });
      const done = [
        { address: 'ada', state: 'SENT', attempts: 1 },
        { address: 'bob', state: 'DROPPED', attempts: 2 },
      ];
      await eventually(async () => expect(await tenant.effects()).toEqual(done));
      const [warning, ...more] = platform.calls.filter(to('ada')) as [Call];
      expect(JSON.parse(warning.body)).toMatchObject({ kind: 'WARNING', text: expect.any(String) });
      expect(warning.headers['lull-signature']).toBe(lullSignature(warning, CHANNEL_SECRET));
      expect(more).toEqual([]);
      expect(platform.calls.filter(to('bob'))).toHaveLength(1);
    });

    it.concurrent('LP-1 close a conversation that is due in 2 s at its due second', async () => {
      const tenant = await open({ autoCloseAfter: 'PT1M' });
      const due = tenant.in(2_000);
      await tenant.answered(['ada'], plus(due, -MINUTE));
      await tenant.answered(['bob'], plus(due, 25 - MINUTE));
      await expectClosed(tenant, 'ada', due);
      await expectClosed(tenant, 'bob', plus(due, 25));
      const { ended_at, lateness_ms } = await tenant.latest('ada');
      expect(Number(lateness_ms)).toBe(ended_at.getTime() - due.getTime());
    });

    it.concurrent('LP-1 close each of 300 conversations exactly once', async () => {
      const tenant = await open({ autoCloseAfter: 'PT1M' });
      const due = tenant.in(1_500);
      const skills = [null, tenant.skill('care'), tenant.skill('sales')];
      const skillOf = (address: string) => skills[Number(address.split('-')[1]) % 3] ?? null;
      await tenant.answered(names(300), plus(due, -MINUTE), skillOf);
      const lanes = new Set((await tenant.open()).map(({ lane_id }) => lane_id as string));
      expect(lanes.size).toBe(3);
      await tenant.until(due);
      // As if each lane had two more alarms and all of them fired at once.
      const wakes = [one, two].flatMap(({ deps }) =>
        [...lanes].map((laneId) => wakeLane(deps, { accountId: tenant.accountId, laneId, wakeAt: null })),
      );
      await Promise.all(wakes);
      await eventually(async () => expect(await tenant.ended()).toHaveLength(300));
      const ends = await store.sql`
        select conversation_id, at from event where account_id = ${tenant.accountId} and effect = 'ENDED'`;
      const ended = new Set(ends.map(({ conversation_id }) => conversation_id));
      expect([ends.length, ended.size]).toEqual([300, 300]);
      for (const { at } of ends) expect(at.getTime()).toBeGreaterThanOrEqual(due.getTime());
    });

    it.concurrent.for(['P4D', 'PT0S'])(
      'LL-2 leave exactly one open conversation if a reply races the close, with reopenWithin %s',
      async (reopenWithin) => {
        const tenant = await open({ autoCloseAfter: 'PT1M', reopenWithin });
        const due = tenant.in(3_000);
        await tenant.answered(names(40), plus(due, -MINUTE));
        const reply = (contact: string) => tenant.does(contact, { kind: 'INBOUND' }, undefined, two.deps);
        // One reply arrives long before the close, one after it was seen, and the others race it.
        const [first, last, ...racing] = names(40) as [string, string, ...string[]];
        await reply(first);
        const race = async (contact: string, index: number) => {
          await tenant.until(plus(due, spread(index, racing.length)));
          await reply(contact);
        };
        await Promise.all(racing.map(race));
        await expectClosed(tenant, last, due);
        await reply(last);
        const replies = await tenant.replies();
        expect(replies).toHaveLength(40);
        for (const { at, effect, ended_at } of replies) {
          if (effect === null) expect(ended_at).toBeNull();
          else if (effect === 'REVOKED') expect(at.getTime()).toBeLessThanOrEqual(Number(ended_at));
          else expect(at.getTime()).toBeGreaterThan(Number(ended_at));
        }
        const endsOf = async (contact: string) =>
          (await tenant.conversations(contact)).map(({ status }) => status);
        expect(await endsOf(first)).toEqual(['ACTIVE']);
        expect(await endsOf(last)).toEqual(reopenWithin === 'PT0S' ? ['ENDED', 'WAITING'] : ['ACTIVE']);
        const contacts = (await tenant.open()).map(({ contact_id }) => contact_id);
        expect([contacts.length, new Set(contacts).size]).toEqual([40, 40]);
      },
    );

    it.concurrent('LL-2 revoke a close if a reply was sent before it and delivered after it', async () => {
      const tenant = await open({ autoCloseAfter: 'PT1M', reopenWithin: 'PT0S' });
      const due = tenant.in(1_000);
      await tenant.answered(['ada'], plus(due, -MINUTE));
      await expectClosed(tenant, 'ada', due);
      await tenant.does('ada', { kind: 'INBOUND' }, plus(due, -1), two.deps);
      expect(await tenant.conversations('ada')).toMatchObject([{ status: 'ACTIVE', ended_at: null }]);
    });

    it.concurrent('LL-3 close nothing by the old threshold once it has been raised', async () => {
      const tenants = await Promise.all(names(9).map(() => open({ autoCloseAfter: 'PT1M' })));
      const due = (tenants[0] as Tenant).in(3_000);
      const isLast = (index: number) => index === tenants.length - 1;
      const races = tenants.map(async (tenant, index) => {
        await tenant.answered(names(20), plus(due, -MINUTE));
        // One change arrives long before the closes, one after them, and the others race them.
        if (isLast(index)) await eventually(async () => expect(await tenant.ended()).toHaveLength(20));
        else if (index > 0) await tenant.until(plus(due, spread(index, tenants.length)));
        const { version } = await tenant.setPolicy({ autoCloseAfter: 'PT2H' }, null, two.deps);
        const inForce = tenant.in(0);
        await store.olderTransactions();
        const closed = await tenant.ended();
        await tenant.until(plus(due, 1_500));
        expect(await tenant.ended()).toHaveLength(closed.length);
        for (const { rules_version, ended_at } of closed) {
          expect(Number(rules_version)).toBe(version - 1);
          expect(ended_at.getTime()).toBeLessThanOrEqual(inForce.getTime());
        }
        return closed.length;
      });
      const closed = await Promise.all(races);
      expect([closed.at(0), closed.at(-1)]).toEqual([0, 20]);
    });

    it.concurrent('LL-3 close nothing by the old threshold if it is raised between two batches', async () => {
      const tenant = await open({ autoCloseAfter: 'PT2H' });
      await tenant.answered(names(1_000), tenant.in(-HOUR));
      await expectAsleep(tenant);
      await store.linger(tenant.accountId, 0.2);
      await tenant.setPolicy({ autoCloseAfter: 'PT1M' });
      await eventually(async () => expect(await store.closing()).not.toEqual([]));
      const { version } = await tenant.setPolicy({ autoCloseAfter: 'PT2H' }, null, two.deps);
      const inForce = tenant.in(0);
      await store.olderTransactions();
      const closed = await tenant.ended();
      expect(closed).not.toEqual([]);
      for (const { rules_version, ended_at } of closed) {
        expect(Number(rules_version)).toBe(version - 1);
        expect(ended_at.getTime()).toBeLessThanOrEqual(inForce.getTime());
      }
    });

    it.concurrent('LL-3 close at once all conversations that a lowered threshold makes due', async () => {
      const tenant = await open({ autoCloseAfter: 'PT2H' });
      await tenant.answered(names(200), tenant.in(-HOUR));
      await expectAsleep(tenant);
      const { version, since } = await tenant.setPolicy({ autoCloseAfter: 'PT1H' }, null, two.deps);
      await eventually(async () => expect(await tenant.ended()).toHaveLength(200));
      for (const { rules_version, ended_at, lateness_ms } of await tenant.ended()) {
        expect(Number(rules_version)).toBe(version);
        expect(Number(lateness_ms)).toBe(ended_at.getTime() - since.getTime());
        expect(Number(lateness_ms)).toBeLessThan(OVERDUE_MS);
      }
    });

    it.concurrent('LP-1 close a conversation on time if a late activity puts it into a sleeping lane', async () => {
      const tenant = await openSleepingTenant(one, store.sql);
      const due = tenant.in(1_500);
      await tenant.answered(['late'], plus(due, -HOUR));
      await tenant.answered(['overdue'], tenant.in(-2 * HOUR));
      await expectClosed(tenant, 'overdue', plus(due, -1_500));
      await expectClosed(tenant, 'late', due);
    });

    it.concurrent('LP-1 close a conversation at once if a change of tag or skill puts it into a sleeping lane', async () => {
      const tenant = await openSleepingTenant(one, store.sql);
      await tenant.does('tagged', { kind: 'INBOUND' }, tenant.in(-3 * HOUR));
      await tenant.does('tagged', { kind: 'TAG', add: ['vip'], remove: [] });
      await tenant.answered(['tagged'], tenant.in(-2 * HOUR));
      await tenant.answered(['slow'], tenant.in(-30 * MINUTE));
      await tenant.answered(['never'], tenant.in(-2 * HOUR), () => tenant.skill('sales'));
      await sleep(500);
      expect(await tenant.ended()).toEqual([]);
      const changed = tenant.in(0);
      await tenant.does('tagged', { kind: 'TAG', add: [], remove: ['vip'] });
      await tenant.does('slow', { kind: 'SKILL', skillId: tenant.skill('care') });
      await tenant.does('never', { kind: 'SKILL', skillId: null });
      for (const address of ['tagged', 'slow', 'never']) await expectClosed(tenant, address, changed);
    });

    it.concurrent('PE-9 release a conversation on time if a hold puts it into a sleeping lane', async () => {
      const tenant = await openSleepingTenant(one, store.sql);
      await tenant.answered(['held', 'held for long'], tenant.in(0));
      await tenant.does('held for long', { kind: 'HOLD', until: tenant.in(HOUR) });
      await expectAsleep(tenant);
      const end = tenant.in(1_500);
      await tenant.does('held', { kind: 'HOLD', until: end });
      const released = { held: false, last_activity_at: end };
      await eventually(async () => expect(await tenant.latest('held')).toMatchObject(released));
      const latenessMs = (await tenant.latest('held')).placed_at.getTime() - end.getTime();
      expect(latenessMs >= 0 && latenessMs < OVERDUE_MS, `${latenessMs} ms late`).toBe(true);
    });
  });
});
