import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccount, ensureAgents } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { EngineDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { readBackfill } from '../../src/rules/backfill-progress.ts';
import { backfillWorld } from '../support/backfill-world.ts';
import { at, depsWith, type Engine, openEngine } from '../support/engine.ts';
import { backfillStep, ensureChannel } from '../support/flows.ts';

const SECOND = 1_000;

let engine: Engine;
const { inMs, exempts, progress, step, pass, walk, quiet, numbered, isInExemptLane, spread, clear } =
  backfillWorld(() => engine);
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
beforeEach(clear);
afterAll(() => engine.drop());

/** A clock on which every step exceeds its time limit. */
function slowClock(): EngineDeps['clock'] {
  let asked = 0;
  return { ...engine.clock, now: () => inMs(asked++ * 11 * SECOND) };
}

describe('the exemption backfill', () => {
  it('PE-7 processes thousands of conversations in steps, counts them, and ends after its second pass', async () => {
    await quiet(numbered('many plain', 1_500), []);
    await quiet(numbered('many vip', 3_000), ['vip']);
    await exempts('vip');
    const { version } = await engine.deps.rules.newest(engine.accountId);
    const startedAt = engine.clock.now();
    expect(await progress()).toEqual({ version, scanned: 0, moved: 0, startedAt, doneAt: null });
    engine.clock.advance(SECOND);
    let steps = 0;
    let seen = { scanned: 0, moved: 0 };
    for (let done = await step(); done !== null; done = await step()) {
      steps++;
      expect(done.scanned).toBeLessThanOrEqual(2_000);
      seen = { scanned: seen.scanned + done.scanned, moved: seen.moved + done.moved };
      expect(await progress()).toMatchObject(seen);
    }
    expect(steps).toBeGreaterThan(2);
    expect(seen).toEqual({ scanned: 4_500, moved: 3_000 });
    expect(await spread()).toEqual({ exempt: 3_000, others: 1_500 });

    engine.clock.advance(20 * SECOND - 1);
    expect(await step()).toBeNull();
    engine.clock.advance(1);
    expect(await pass()).toBe(0);
    const doneAt = engine.clock.now();
    expect(await progress()).toEqual({ version, ...seen, startedAt, doneAt });
    expect(await step()).toBeNull();
  });

  it('PE-7 resumes after a crash and repeats the step that failed', async () => {
    await quiet(numbered('crash', 4_000), ['vip']);
    await exempts('vip');
    let moved = 0;
    while (moved === 0) moved = (await step())?.moved ?? 0;
    const standing = [await progress(), await spread()];
    expect(standing).toMatchObject([{ moved }, { exempt: moved, others: 4_000 - moved }]);
    await expect(step({ clock: slowClock() })).rejects.toThrow('took too long');
    const lanes = {
      known: () => undefined,
      find: () => Promise.reject(new Error('the worker is gone')),
      remember: () => {},
    };
    await expect(step({ lanes })).rejects.toThrow('the worker is gone');
    expect([await progress(), await spread()]).toEqual(standing);
    await walk();
    expect(await progress()).toMatchObject({ scanned: 4_000, moved: 4_000 });
    expect(await spread()).toEqual({ exempt: 4_000, others: 0 });
  });

  it('PE-7 moves each conversation once when two processes run it', async () => {
    await quiet(numbered('two', 5_000), ['vip']);
    await exempts('vip');
    const walker = async () => {
      let moved = 0;
      for (;;) {
        const done = await step();
        moved += done?.moved ?? 0;
        const row = await engine.db
          .sql`select pass from exemption_backfill where account_id = ${engine.accountId}`;
        if (row[0]?.pass === 2) return moved;
      }
    };
    const [one, other] = await Promise.all([walker(), walker()]);
    expect(one + other).toBe(5_000);
    expect(await progress()).toMatchObject({ scanned: 5_000, moved: 5_000 });
    expect(await spread()).toEqual({ exempt: 5_000, others: 0 });
  });

  it('PE-7 starts again after a newer change, and the newest tags apply', async () => {
    await quiet(['first'], ['vip']);
    await quiet(['second'], ['escalated']);
    await exempts('vip');
    await pass();
    await exempts('escalated');
    expect(await progress()).toMatchObject({ scanned: 0, moved: 0, doneAt: null });
    await walk();
    expect(await isInExemptLane('first')).toBe(false);
    expect(await isInExemptLane('second')).toBe(true);
    expect(await progress()).toMatchObject({ scanned: 2, moved: 2 });
  });

  it('PE-7 finds a conversation that was written under the former tags in its second pass', async () => {
    await quiet(['known'], ['vip']);
    const former = await engine.deps.rules.newest(engine.accountId);
    await exempts('vip');
    await pass();
    expect(await isInExemptLane('known')).toBe(true);
    const late = depsWith(engine, { rules: { at: async () => former, newest: async () => former } });
    const action: Action = { kind: 'COMMENT', agentId: engine.ann };
    await recordActivities(late, engine.accountId, [
      { target: { channelId: engine.channelId, address: 'known' }, action },
    ]);
    expect(await isInExemptLane('known')).toBe(false);
    await engine.runUntil(inMs(19 * SECOND));
    expect(await step()).toBeNull();
    engine.clock.advance(SECOND);
    expect(await pass()).toBe(1);
    expect(await isInExemptLane('known')).toBe(true);
    expect(await progress()).toMatchObject({ scanned: 1, moved: 2, doneAt: engine.clock.now() });
  });

  it('PE-7 uses the state under the lock for conversations that changed after it read them', async () => {
    const changing = ['ended meanwhile', 'tagged meanwhile', 'aside meanwhile'];
    await quiet([...changing, 'waiting'], ['vip']);
    await exempts('vip');
    const ids = await Promise.all(changing.map(async (address) => (await engine.latest(address)).id));
    let walking: Promise<number> = Promise.resolve(0);
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = any(${ids}) for no key update`;
      walking = pass();
      // After its read, the backfill waits for the row locks.
      for (;;) {
        const [row] = await engine.db
          .sql`select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        if (row?.waiting > 0) break;
      }
      await sql`update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()} where id = ${ids[0] as string}`;
      await sql`update conversation set tags = '{}' where id = ${ids[1] as string}`;
      await sql`update conversation set lane_id = null where id = ${ids[2] as string}`;
    });
    expect(await walking).toBe(1);
    expect(await engine.latest('ended meanwhile')).toMatchObject({ status: 'ENDED', lane_id: null });
    expect(await isInExemptLane('tagged meanwhile')).toBe(false);
    expect(await engine.latest('aside meanwhile')).toMatchObject({ status: 'ACTIVE', lane_id: null });
    expect(await isInExemptLane('waiting')).toBe(true);
  });

  it('skips conversations that are set aside, and does nothing while the clock is not trusted', async () => {
    await quiet(['aside'], ['vip']);
    const { id } = await engine.latest('aside');
    await engine.db
      .sql`update conversation set lane_id = null where account_id = ${engine.accountId} and id = ${id}`;
    await exempts('vip');
    engine.clock.setTrusted(false);
    expect(await step()).toBeNull();
    expect(await progress()).toMatchObject({ doneAt: null });
    engine.clock.setTrusted(true);
    await walk();
    expect(await engine.latest('aside')).toMatchObject({ lane_id: null });
  });

  it('PE-7 writes to no other account', async () => {
    const { deps } = engine;
    const other = await createAccount(deps, { name: 'other' });
    const channelId = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
    await ensureAgents(deps, other, ['ann']);
    const target = { channelId, address: 'theirs' };
    await recordActivities(deps, other, [
      { target, action: { kind: 'INBOUND' } },
      { target, action: { kind: 'TAG', add: ['vip'], remove: [] } },
    ]);
    const theirs = () => engine.db.sql`select * from conversation where account_id = ${other}`;
    const before = await theirs();
    await quiet(['ours'], ['vip']);
    await exempts('vip');
    await walk();
    expect(await isInExemptLane('ours')).toBe(true);
    expect([...(await theirs())]).toEqual([...before]);
    expect(await readBackfill(engine.db.sql, other)).toBeNull();
    expect(await backfillStep(deps, other)).toBeNull();
  });
});
