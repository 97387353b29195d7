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

/** How long a hunt may take, in milliseconds: for a test's `timeout`. */
export function huntTimeout(tries: number): number {
  return 120_000 + tries * times * 1_000;
}

/** Whether it is a long hunt: then what takes long is waited for too. */
export const isLong = times > 1;

/** Tells which hunt it is, so that one can be told of and played again. */
export function tellSeed(): void {
  console.info(`hostile input: HOSTILE_SEED=${seed} HOSTILE_RUNS=${times}`);
}
