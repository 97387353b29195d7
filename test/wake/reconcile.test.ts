import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reconcile } from '../../src/jobs/reconciler.ts';
import { createLog } from '../../src/log.ts';
import { at, DAY, depsWith, type Engine, HOUR, openEngine, step } from '../support/engine.ts';
import { setPolicy } from '../support/flows.ts';

const log = createLog({ logLevel: 'silent' });

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
beforeEach(async () => {
  engine.clock.setTrusted(true);
  await engine.policy({ autoCloseAfter: 'PT2H' });
  engine.clock.advance(DAY);
  await engine.runUntil(engine.clock.now());
  engine.armed.length = 0;
});
afterAll(() => engine.drop());

/** A conversation that falls due in two hours, with its lane settled for that time. */
async function quiet(address: string) {
  await engine.writes(address);
  await engine.answers(address);
  await engine.wakeAll();
  engine.armed.length = 0;
}
const statusOf = async (address: string) => (await engine.latest(address)).status;

describe('the reconciler', () => {
  it('schedules lanes that must wake within the next 10 s, and no others', async () => {
    await quiet('near');
    const { lane_id: laneId } = await engine.latest('near');
    const wakeAt = new Date(engine.clock.now().getTime() + 2 * HOUR - 30_000);
    engine.clock.advance(2 * HOUR - 30_000 - 10_001);
    await reconcile(engine.deps, log);
    expect(engine.armed.map((alarm) => alarm.laneId)).not.toContain(laneId);
    engine.clock.advance(1);
    await reconcile(engine.deps, log);
    expect(engine.armed).toContainEqual({ accountId: engine.accountId, laneId, wakeAt });
  });

  it('wakes lanes that are overdue by 5 s itself, without the queue', async () => {
    await quiet('overdue');
    engine.clock.advance(2 * HOUR);
    await engine.wakeAll();
    await quiet('lost');
    engine.clock.advance(2 * HOUR - 30_000 + 4999);
    expect(await reconcile(engine.deps, log)).toBe(0);
    engine.clock.advance(30_000);
    expect(await reconcile(engine.deps, log)).toBeGreaterThan(0);
    expect(await engine.latest('lost')).toMatchObject({ status: 'ENDED', lateness_ms: '4999' });
  });

  it('puts a change of rules into force if its scheduled job was lost', async () => {
    await quiet('rules');
    engine.clock.advance(HOUR);
    await setPolicy(
      depsWith(engine, {}, { scheduleAccount: () => step(() => {}) }),
      engine.accountId,
      { channelId: null, skillId: null, expectedVersion: null, fields: { autoCloseAfter: 'PT30M' } },
      { changedBy: 'test', why: null },
    );
    await engine.runUntil(engine.clock.now());
    expect(await statusOf('rules')).toBe('ACTIVE');
    await reconcile(engine.deps, log);
    await engine.runUntil(engine.clock.now());
    expect(await statusOf('rules')).toBe('ENDED');
  });

  it('does nothing while the clock is not trusted', async () => {
    await quiet('clock');
    engine.clock.advance(5 * HOUR);
    engine.clock.setTrusted(false);
    expect(await reconcile(engine.deps, log)).toBe(0);
    expect(await statusOf('clock')).toBe('ACTIVE');
  });

  it('wakes the other lanes when one lane fails', async () => {
    await quiet('fine');
    const broken = engine.deps.newId();
    engine.clock.advance(3 * HOUR);
    await engine.db.sql`
      insert into lane select account_id, ${broken}, ${broken}, skill_id, status, awaiting, 'of no channel', held, manual_response_time,
        exempt, stage, overflowed, ${new Date(0)}, floor from lane where account_id = ${engine.accountId} limit 1`;
    await reconcile(engine.deps, log);
    expect(await statusOf('fine')).toBe('ENDED');
    await engine.db.sql`delete from lane where id = ${broken}`;
  });
});
