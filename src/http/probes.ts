import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { send } from './answer.ts';

/** What tells whether a process can do its work. */
export type ProbeDeps = {
  /** Whether the database has this code's newest migration; rejects where it does not answer. */
  isMigrated: () => Promise<boolean>;
  clock: Pick<Clock, 'isTrusted'>;
  log: Log;
};

/** A database that takes longer to answer counts as one that does not. */
const READY_WITHIN_MS = 2_000;

/** Answers `/health`: the process is up. */
export function answerHealth(response: ServerResponse): void {
  send(response, 200, { status: 'up' });
}

/** While the time is in doubt nothing is ended, and everything is recorded: who calls has to reach it. */
const GOES_ON_WITHOUT = 'clock';

/** Answers `/ready`: 200 where the process can do its work, else 503; with what fails either way. */
export async function answerReady(
  response: ServerResponse,
  deps: ProbeDeps,
  stopping: AbortSignal,
): Promise<void> {
  const failing = await whatFails(deps, stopping);
  const ready = failing.every((what) => what === GOES_ON_WITHOUT);
  send(response, ready ? 200 : 503, { ready, failing });
}

/** The names of what it cannot do its work without; why goes to the log alone. */
async function whatFails({ isMigrated, clock, log }: ProbeDeps, stopping: AbortSignal): Promise<string[]> {
  const failing: string[] = [];
  try {
    if (!(await inTime(READY_WITHIN_MS, isMigrated()))) failing.push('migrations');
  } catch (error) {
    log.warn({ err: error }, 'the database does not answer');
    failing.push('database');
  }
  if (!clock.isTrusted()) failing.push('clock');
  if (stopping.aborted) failing.push('stopping');
  return failing;
}

/** Rejects where the work has not settled after `limitMs`; the work itself goes on. */
export function inTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    sleep(limitMs, null, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
  ]);
}
