import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import type { RulesCache } from '../../src/engine.ts';
import { at, DAY, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
beforeEach(async () => {
  engine.clock.setTrusted(true);
  await engine.policy({ autoCloseAfter: 'PT2H' });
  engine.clock.advance(DAY);
  await engine.runUntil(engine.clock.now());
});
afterAll(() => engine.drop());

/** Creates a due conversation for which no wake ran, and returns the alarm of its lane. */
async function due(address: string) {
  await engine.writes(address);
  await engine.answers(address);
  await engine.runUntil(engine.clock.now());
  engine.clock.advance(2 * HOUR);
  const { lane_id: laneId } = await engine.latest(address);
  const [lane] = await engine.db.sql`select wake_at from lane where id = ${laneId as string}`;
  return { accountId: engine.accountId, laneId: laneId as string, wakeAt: lane?.wake_at as Date };
}
const statusOf = async (address: string) => (await engine.latest(address)).status;

describe('an alarm', () => {
  it('acts at the time of its lane', async () => {
    const alarm = await due('on time');
    expect(await wakeLane(engine.deps, alarm)).toMatchObject({ kind: 'woken', acted: { AUTO_CLOSE: 1 } });
    expect(await statusOf('on time')).toBe('ENDED');
  });

  it('does nothing if it is stale, not even settle', async () => {
    const alarm = await due('stale');
    const stale = { ...alarm, wakeAt: new Date(alarm.wakeAt.getTime() + 1) };
    expect(await wakeLane(engine.deps, stale)).toEqual({ kind: 'superseded' });
    expect(await statusOf('stale')).toBe('ACTIVE');
    const [lane] = await engine.db.sql`select wake_at from lane where id = ${alarm.laneId}`;
    expect(lane?.wake_at).toEqual(alarm.wakeAt);
  });

  it('acts once if it is delivered twice', async () => {
    const alarm = await due('twice');
    await wakeLane(engine.deps, alarm);
    expect(await wakeLane(engine.deps, alarm)).toEqual({ kind: 'superseded' });
    expect((await engine.latest('twice')).revision).toBe(3);
  });

  it.each([
    { by: 'ahead', from: -60_000, to: -1 },
    { by: 'behind', from: 60_000, to: 120_000 },
  ])(
    'LP-1 does nothing if the database clock is $by when the statement runs, and reports the doubt',
    async ({ by, from, to }) => {
      const alarm = await due(`clock ${by}`);
      const [database] = await engine.db.sql<[{ now: Date }]>`select clock_timestamp() as now`;
      const away = (ms: number) => new Date(database.now.getTime() + ms);
      let doubts = 0;
      const clock = {
        ...engine.clock,
        tolerance: () => ({ from: away(from), to: away(to) }),
        doubt: () => void doubts++,
      };
      expect(await wakeLane({ ...engine.deps, clock }, alarm)).toEqual({ kind: 'clock not trusted' });
      expect(doubts).toBe(1);
      expect(await statusOf(`clock ${by}`)).toBe('ACTIVE');
      const near = { ...engine.clock, tolerance: () => ({ from: away(-60_000), to: away(60_000) }) };
      expect(await wakeLane({ ...engine.deps, clock: near }, alarm)).toMatchObject({ kind: 'woken' });
      expect(await statusOf(`clock ${by}`)).toBe('ENDED');
    },
  );

  it('does nothing if its lane or account does not exist', async () => {
    const { wakeAt, laneId } = await due('nowhere');
    const nobody = engine.deps.newId();
    for (const alarm of [
      { accountId: engine.accountId, laneId: nobody, wakeAt },
      { accountId: nobody, laneId, wakeAt },
    ])
      expect(await wakeLane(engine.deps, alarm)).toEqual({ kind: 'superseded' });
    expect(await statusOf('nowhere')).toBe('ACTIVE');
  });

  it('does nothing while the clock is not trusted', async () => {
    const alarm = await due('clock');
    engine.clock.setTrusted(false);
    expect(await wakeLane(engine.deps, alarm)).toEqual({ kind: 'clock not trusted' });
    expect(await statusOf('clock')).toBe('ACTIVE');
    engine.clock.setTrusted(true);
    await wakeLane(engine.deps, alarm);
    expect(await statusOf('clock')).toBe('ENDED');
  });
});

describe('a wake', () => {
  it('SP-10 acts on no conversation if it used outdated rules, and settles by the new rules', async () => {
    const alarm = await due('rules');
    const old = await engine.deps.rules.newest(engine.accountId);
    await engine.policy({ autoCloseAfter: 'PT5H' });
    let asked = 0;
    const rules: RulesCache = {
      newest: engine.deps.rules.newest,
      at: async (accountId, version) =>
        asked++ === 0 ? old : await engine.deps.rules.at(accountId, version),
    };
    const report = await wakeLane({ ...engine.deps, rules }, { ...alarm, wakeAt: null });
    expect(report).toMatchObject({ kind: 'woken', acted: { AUTO_CLOSE: 0 } });
    expect(await statusOf('rules')).toBe('ACTIVE');
    const [lane] = await engine.db.sql`select wake_at from lane where id = ${alarm.laneId}`;
    expect(lane?.wake_at).toEqual(new Date(engine.clock.now().getTime() + 3 * HOUR));
  });

  it('runs as many batches as it needs, the longest quiet conversations first', async () => {
    const addresses = Array.from({ length: 1100 }, (_, index) => `many ${index}`);
    const each = (index: number) => ({ channelId: engine.channelId, address: addresses[index] as string });
    for (let first = 0; first < addresses.length; first += 500) {
      const call = addresses.slice(first, first + 500).flatMap((_, index) => {
        const at = new Date(engine.clock.now().getTime() - addresses.length + first + index);
        return [
          { target: each(first + index), action: { kind: 'INBOUND' } as const, at },
          {
            target: each(first + index),
            action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } as const,
            at,
          },
        ];
      });
      await engine.apply(...call);
    }
    const { lane_id: laneId } = await engine.latest('many 0');
    engine.clock.advance(2 * HOUR - 100);
    engine.told.length = 0;
    const report = await wakeLane(engine.deps, {
      accountId: engine.accountId,
      laneId: laneId as string,
      wakeAt: null,
    });
    expect(report).toMatchObject({
      acted: { AUTO_CLOSE: 1001 },
      alarm: { wakeAt: new Date(engine.clock.now().getTime() + 100) },
    });
    expect(engine.told.map(({ conversationIds }) => conversationIds.length)).toEqual([1001]);
    const batches = await engine.db.sql`
      select count(*)::int from conversation
      where account_id = ${engine.accountId} and lane_id is null and end_reason = 'AUTO_CLOSE' and last_activity_at > ${engine.clock.now()}::timestamptz - interval '3 hours'
      group by xmin order by min(last_activity_at)`;
    expect(batches.map(({ count }) => count)).toEqual([500, 500, 1]);
    expect(await statusOf('many 1000')).toBe('ENDED');
    expect(await statusOf('many 1001')).toBe('ACTIVE');
    await engine.runUntil(new Date(engine.clock.now().getTime() + 100));
    expect(await statusOf('many 1099')).toBe('ENDED');
  });

  it('returns for a conversation that was locked during its first batch', async () => {
    const targets = Array.from({ length: 510 }, (_, index) => ({
      channelId: engine.channelId,
      address: `held ${index}`,
    }));
    const at = engine.clock.now();
    const action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } as const;
    for (let first = 0; first < targets.length; first += 255)
      await engine.apply(
        ...targets.slice(first, first + 255).flatMap((target, index) => [
          { target, action: { kind: 'INBOUND' } as const, at: new Date(at.getTime() - 600 + first + index) },
          { target, action, at: new Date(at.getTime() - 600 + first + index) },
        ]),
      );
    const { id, lane_id: laneId } = await engine.latest('held 3');
    engine.clock.advance(2 * HOUR);
    const waking = { accountId: engine.accountId, laneId: laneId as string, wakeAt: null };
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = ${id} for no key update`;
      expect(await wakeLane(engine.deps, waking)).toMatchObject({
        acted: { AUTO_CLOSE: 509 },
        alarm: { wakeAt: new Date(engine.clock.now().getTime() + 100) },
      });
    });
    expect(await statusOf('held 3')).toBe('ACTIVE');
    await engine.runUntil(new Date(engine.clock.now().getTime() + 100));
    expect(await statusOf('held 3')).toBe('ENDED');
  });
});
