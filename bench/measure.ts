import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../src/insight/replay/timeline.ts';

/** The value that a share of the values (0 to 1) do not exceed; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** The middle one of the values. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** How long the work took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now();
  const result = await work();
  return { ms: performance.now() - started, result };
}

/** Asks again and again until the answer is yes. @throws Error naming what did not come within the limit */
export async function until(
  what: string,
  limitMs: number,
  everyMs: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const started = performance.now();
  while (!(await isSo())) {
    if (performance.now() - started > limitMs) throw new Error(`${what} did not come within ${limitMs} ms`);
    await sleep(everyMs);
  }
}

/** Something that works off items and can be asked to do so for a while; answers how many it has done. */
export type Contender = { name: string; run(forMs: number): Promise<number> };

/**
 * Lets contenders take turns, so that whatever else the machine does meets all alike; each one's rate is the
 * median of its turns. The first turn of each warms up and does not count.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  turns: number,
  turnMs: number,
  onProgress: Progress = () => {},
): Promise<Map<string, number>> {
  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let turn = 0; turn <= turns; turn++) {
    for (const { name, run } of contenders) {
      const { ms, result } = await timed(() => run(turnMs));
      if (turn > 0) rates.get(name)?.push((result * 1000) / ms);
    }
    onProgress(turn + 1, turns + 1);
  }
  return new Map([...rates].map(([name, own]) => [name, median(own)]));
}

/** Runs the step at a concurrency until the time is up; the sum of what the steps say they did. */
export async function keepBusy(
  concurrency: number,
  forMs: number,
  step: () => Promise<number>,
): Promise<number> {
  const end = performance.now() + forMs;
  const lines = Array.from({ length: concurrency }, async () => {
    let done = 0;
    while (performance.now() < end) done += await step();
    return done;
  });
  return (await Promise.all(lines)).reduce((sum, each) => sum + each, 0);
}

/** The same numbers from 0 to 1 in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
