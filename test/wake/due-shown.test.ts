import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dueSituation, OFF, type Situation } from '../support/due-situation.ts';
import { openDueWorld } from '../support/due-world.ts';
import { DAY, type Engine, openEngine } from '../support/engine.ts';

/** Set DUE_RUNS to search longer. A failure prints its seed and path; pass them to `fc.assert` to replay it. */
const RUNS = Number(process.env.DUE_RUNS ?? 55);
/** Stops only a run that hangs. An interrupted run would continue during the tests that follow. */
const LIMIT_MS = 120_000 + RUNS * 5_000;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

/** Checks that each timer acts at the due time that was shown, and that none acts where none was shown. */
async function comesTrue({ startMs, hours, outages, rounds }: Situation): Promise<void> {
  const world = await openDueWorld(engine, startMs);
  await world.setTimes(hours, outages);
  for (const { policies, doings, how } of rounds) {
    const [before, after] = policies;
    if (before) await world.setPolicy(before);
    for (const doing of doings) await world.takes(doing);
    // The timers were off before they are switched on, so that earlier clocks do not count (SP-6).
    if (after) for (const each of [OFF, after]) await world.setPolicy(each);
    await world.drain();

    const shown = await world.shown();
    const feed = await world.feed();
    if (shown === null) {
      world.clock.advance(200 * DAY);
      await world.drain();
      expect(await world.feed()).toEqual(feed);
      continue;
    }
    const { at, timer } = shown;
    expect(at.getTime()).toBeGreaterThan(world.clock.now().getTime());
    if (how === 'LOOK_BEFORE' || at.getTime() - world.clock.now().getTime() < 100) {
      world.clock.advance(at.getTime() - 1 - world.clock.now().getTime());
      await world.wakeIt();
      expect(await world.feed()).toEqual(feed);
      world.clock.advance(1);
      await world.wakeIt();
    } else {
      world.clock.advance(at.getTime() - world.clock.now().getTime());
      await world.drain();
    }
    const [acted] = (await world.feed()).slice(feed.length);
    expect(acted).toMatchObject({ kind: 'TIMER', timer: timer.kind, at, data: { due: at.toISOString() } });
    if (timer.action.does === 'END') expect(await world.ending()).toMatchObject({ at, latenessMs: 0 });
    expect(acted?.effect).toBe(timer.action.does === 'END' ? 'ENDED' : null);
  }
}

it('PE-1 PE-8 LL-7 LL-10 LP-8 a wake acts exactly at the due time that was shown, not a millisecond before', {
  timeout: LIMIT_MS,
}, async () => {
  const property = fc.asyncProperty(dueSituation, comesTrue);
  await fc.assert(property, { numRuns: RUNS });
});
