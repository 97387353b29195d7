import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { send } from './respond.ts';

/** The checks of whether a process can do its work. */
export type ProbeDeps = {
  /** Whether the database has this code's newest migration; rejects if it does not answer. */
  isMigrated: () => Promise<boolean>;
  /** Writes a row; rejects if nothing can be written. */
  tryWriting: () => Promise<void>;
  clock: Pick<Clock, 'isTrusted'>;
  log: Log;
};

/** A slower answer of the database counts as none. */
const READY_WITHIN_MS = 2_000;
const WRITE_EVERY_MS = 1_000;

/** Answers `/health`: the process runs. */
export function answerHealth(response: ServerResponse): void {
  send(response, 200, { status: 'up' });
}

/** While the time is in doubt nothing is ended but everything is recorded, so calls must still arrive. */
const GOES_ON_WITHOUT = 'clock';

/** The handler of `/ready`. */
export type Readiness = { answer(response: ServerResponse): Promise<void> };

/**
 * Makes the handler of `/ready`: 200 if the process can do its work, else 503, with the failing checks. Concurrent
 * requests share one check of the database, which writes at most once a second.
 */
export function openReadiness(deps: ProbeDeps, stopping: AbortSignal): Readiness {
  const isMigrated = once(deps.isMigrated, 0);
  const tryWriting = once(deps.tryWriting, WRITE_EVERY_MS);

  /** The names of the failing checks. Their reasons go only to the log. */
  async function whatFails(): Promise<string[]> {
    const failing: string[] = [];
    try {
      if (!(await inTime(READY_WITHIN_MS, isMigrated()))) failing.push('migrations');
    } catch (error) {
      deps.log.warn({ err: error }, 'the database does not answer');
      failing.push('database');
    }
    if (!failing.includes('database'))
      await inTime(READY_WITHIN_MS, tryWriting()).catch((error) => {
        deps.log.warn({ err: error }, 'the database takes no writes');
        failing.push('writes');
      });
    if (!deps.clock.isTrusted()) failing.push('clock');
    if (stopping.aborted) failing.push('stopping');
    return failing;
  }

  return {
    async answer(response) {
      const failing = await whatFails();
      const ready = failing.every((what) => what === GOES_ON_WITHOUT);
      send(response, ready ? 200 : 503, { ready, failing });
    },
  };
}

/** Shares one call among concurrent callers, and caches its result for a time. */
function once<Result>(work: () => Promise<Result>, keptMs: number): () => Promise<Result> {
  let doing: Promise<Result> | null = null;
  return () => {
    if (doing !== null) return doing;
    const forget = () => {
      if (keptMs === 0) doing = null;
      else
        setTimeout(() => {
          doing = null;
        }, keptMs).unref();
    };
    doing = work();
    doing.then(forget, forget);
    return doing;
  };
}

/** Rejects if the work has not settled after `limitMs`. The work itself continues. */
export function inTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    sleep(limitMs, null, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
  ]);
}
