import { afterEach, beforeEach, vi } from 'vitest';
import { startClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';

export const log = createLog({ logLevel: 'silent' });
/** What it is at the beginning, by the database and the machine. */
export const start = Date.parse('2026-03-01T12:00:00Z');

/** A database whose time runs with the process's, but for what the test does to it. */
function database() {
  const state = { shiftMs: 0, answerMs: 0, down: false };
  return {
    state,
    async readDatabaseTime(): Promise<Date> {
      const at = performance.now() + state.answerMs / 2;
      if (state.answerMs > 0) await new Promise((resolve) => setTimeout(resolve, state.answerMs));
      if (state.down) throw new Error('down');
      return new Date(start + at + state.shiftMs);
    },
  };
}

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Where the machine is never suspended. */
const uptime = () => performance.now();

const running: { stop(): void }[] = [];

/** Stands for every clock but those that the test moves. */
export function withFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: start });
  });
  afterEach(() => {
    for (const clock of running.splice(0)) clock.stop();
    vi.useRealTimers();
  });
}

/** A clock that was started, and what its database does. `answerMs`: how long an answer takes; `shiftMs`: how far it is ahead. */
export async function started(
  { answerMs = 0, shiftMs = 0 }: { answerMs?: number; shiftMs?: number } = {},
  more: Partial<Parameters<typeof startClock>[0]> = {},
) {
  const { state, readDatabaseTime } = database();
  Object.assign(state, { answerMs, shiftMs });
  const starting = startClock({ readDatabaseTime, log, uptime, ...more });
  await pass(answerMs);
  const clock = await starting;
  running.push(clock);
  return { state, clock };
}
