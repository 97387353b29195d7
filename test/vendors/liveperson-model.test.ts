import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Engine, openEngine } from '../support/engine.ts';
import { createLivePersonModel } from '../support/vendors/liveperson-model.ts';
import { history, type Step } from '../support/vendors/liveperson-steps.ts';
import { openLivePersonWorld } from '../support/vendors/liveperson-world.ts';

/** Set LIVEPERSON_RUNS and LIVEPERSON_SEED to hunt on; a failure prints the seed and the path to play it again. */
const RUNS = Number(process.env.LIVEPERSON_RUNS ?? 40);
const SEED = Number(process.env.LIVEPERSON_SEED ?? 20260302);
const LIMIT_MS = 120_000 + RUNS * 5_000;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

it('LP-1 LP-3 LP-4 LP-6 LP-7 LP-11 LP-12 LP-13 whatever comes, it closes what the model closes, and when', {
  timeout: LIMIT_MS,
}, async () => {
  await fc.assert(fc.asyncProperty(history, play), { numRuns: RUNS, seed: SEED });
});

/** Plays a history to engine and model, and compares every conversation after every step. */
async function play(steps: readonly Step[]): Promise<void> {
  const world = await openLivePersonWorld(engine);
  const model = createLivePersonModel(world.nowMs());
  const passTo = async (instantMs: number) => {
    if (!(instantMs >= world.nowMs() && instantMs < Number.POSITIVE_INFINITY)) return;
    await world.passTo(instantMs);
    model.passTo(instantMs);
  };
  /** In whole seconds, as everything here: so no two closes are so near that one wake makes the other late. */
  const towards = (close: number, { percent, furtherMs }: { percent: number; furtherMs: number }) =>
    world.nowMs() + Math.floor(((close - world.nowMs()) * percent) / 100_000) * 1000 + furtherMs;
  for (const step of steps) {
    switch (step.do) {
      case 'DEEDS':
        await world.do(step.deeds);
        for (const { customer, deed } of step.deeds) model.act(customer, deed);
        break;
      case 'WAIT':
        await passTo(world.nowMs() + step.ms);
        break;
      case 'WAIT_FOR_CLOSE':
        await passTo(towards(model.nextClose(), step));
        break;
      case 'THRESHOLD':
        await world.setThreshold(step.skill, step.after);
        model.setThreshold(step.skill, step.after);
        break;
      case 'PROMISES':
        await world.setPromisesExempt(step.exempt);
        model.setPromisesExempt(step.exempt);
        break;
    }
    await passTo(world.nowMs());
    expect(inOrder(await world.chats()), step.do).toEqual(inOrder(model.chats.map(model.shown)));
  }
}

const inOrder = <T extends { customer: string; number: number }>(chats: readonly T[]) =>
  chats.toSorted((a, b) => a.customer.localeCompare(b.customer) || a.number - b.number);
