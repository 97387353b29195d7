import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dueSituation, OFF, type Situation } from '../support/due-situation.ts';
import { openDueWorld } from '../support/due-world.ts';
import { DAY, type Engine, openEngine } from '../support/engine.ts';

/** Set DUE_RUNS to hunt for longer. A failure prints its seed and path, which `fc.assert` takes to play it again. */
const RUNS = Number(process.env.DUE_RUNS ?? 55);
/** It stops only what hangs: a run that is interrupted would go on behind the tests that follow. */
const LIMIT_MS = 120_000 + RUNS * 5_000;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

/** Lets what is shown come true, or shows that nothing comes where nothing is shown. */
async function comesTrue({ startMs, hours, outages, rounds }: Situation): Promise<void> {
  const world = await openDueWorld(engine, startMs);
  await world.setTimes(hours, outages);
  for (const { policies, doings, how } of rounds) {
    const [before, after] = policies;
    if (before) await world.setPolicy(before);
    for (const doing of doings) await world.takes(doing);
    // What it switches on was off, so that clocks from before do not count (SP-6).
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

it('PE-1 PE-8 LL-7 LL-10 LP-8 what is shown as due is the instant at which the wake acts, not a millisecond before', {
  timeout: LIMIT_MS,
}, async () => {
  const property = fc.asyncProperty(dueSituation, comesTrue);
  await fc.assert(property, { numRuns: RUNS });
});
