/**
 * How long to hunt. Set HOSTILE_RUNS to hunt for longer than `npm test` does, HOSTILE_SEED to hunt elsewhere; a failure
 * prints its seed and path, which `fc.assert` takes to play it again.
 */
const times = Number(process.env.HOSTILE_RUNS ?? 1);
const seed = Number(process.env.HOSTILE_SEED ?? 20_261_121);

/** The parameters of a hunt that makes so many tries within `npm test`. */
export function hunt(tries: number) {
  const numRuns = Math.round(tries * times);
  return { seed, numRuns, endOnFailure: times === 1 };
}

/** The time limit of a hunt in milliseconds: for a test's `timeout`. */
export function huntTimeout(tries: number): number {
  return 120_000 + tries * times * 1_000;
}

/** Whether this is a long hunt, which also waits for slow effects. */
export const isLong = times > 1;

/** Prints the parameters of the hunt, so that it can be reported and repeated. */
export function tellSeed(): void {
  console.info(`hostile input: HOSTILE_SEED=${seed} HOSTILE_RUNS=${times}`);
}
