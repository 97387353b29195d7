import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { recordStep } from '../../src/rules/downtime.ts';
import { at, type Engine, MINUTE, openEngine } from '../support/engine.ts';

const SECOND = 1_000;
let engine: Engine;
beforeEach(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT1M' });
});
afterEach(() => engine.drop());

const outages = () => engine.db.sql`select since, until from outage order by id`;
/** Steps the clock ahead, as a process does. */
async function step(byMs: number) {
  const since = engine.clock.now();
  const now = new Date(since.getTime() + byMs);
  const recorded = await recordStep(engine.deps, since, now);
  engine.clock.advance(byMs);
  return recorded;
}

describe('a clock step ahead', () => {
  it('LP-1 closes no conversation because of the skipped time, even if its activities were recorded at the old time', async () => {
    await engine.writes('old');
    await engine.answers('old');
    await writeHeartbeat(engine.db.sql, engine.clock.now());
    engine.clock.advance(14 * SECOND);
    const before = engine.clock.now();
    await step(10 * MINUTE);
    const after = engine.clock.now();
    // Another process still has the old time.
    await engine.writes('straggler', { at: before });
    await engine.answers('straggler', { at: before });
    await engine.runUntil(new Date(after.getTime() + 45 * SECOND));
    for (const address of ['old', 'straggler'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(new Date(after.getTime() + 4 * MINUTE));
    for (const address of ['old', 'straggler'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('is recorded from the last heartbeat, or from when it was noticed, until 2 minutes after it', async () => {
    const beat = engine.clock.now();
    await writeHeartbeat(engine.db.sql, beat);
    engine.clock.advance(70 * SECOND);
    expect(await step(10 * MINUTE)).toMatchObject({ accounts: 1 });
    expect(await outages()).toEqual([
      { since: beat, until: new Date(engine.clock.now().getTime() + 2 * MINUTE) },
    ]);
  });

  it('is recorded without any heartbeat', async () => {
    const since = engine.clock.now();
    await step(10 * MINUTE);
    expect(await outages()).toMatchObject([{ since }]);
  });

  it('is recorded once by processes that notice it within 15 s of each other, even at the same instant', async () => {
    await writeHeartbeat(engine.db.sql, engine.clock.now());
    const since = engine.clock.now();
    const now = new Date(since.getTime() + 10 * MINUTE);
    const all = await Promise.all(
      [0, 1, 5].map((s) => recordStep(engine.deps, new Date(since.getTime() + s * SECOND), now)),
    );
    expect(all.filter((each) => each !== null)).toHaveLength(1);
    expect(await outages()).toHaveLength(1);
  });
});
