import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { send } from './respond.ts';

/** What tells whether a process can do its work. */
export type ProbeDeps = {
  /** Whether the database has this code's newest migration; rejects where it does not answer. */
  isMigrated: () => Promise<boolean>;
  /** Writes something; rejects where nothing can be written. */
  tryWriting: () => Promise<void>;
  clock: Pick<Clock, 'isTrusted'>;
  log: Log;
};

/** A database that takes longer to answer counts as one that does not. */
const READY_WITHIN_MS = 2_000;
const WRITE_EVERY_MS = 1_000;

/** Answers `/health`: the process is up. */
export function answerHealth(response: ServerResponse): void {
  send(response, 200, { status: 'up' });
}

/** While the time is in doubt nothing is ended, and everything is recorded: who calls has to reach it. */
const GOES_ON_WITHOUT = 'clock';

/** What `/ready` is answered by. */
export type Readiness = { answer(response: ServerResponse): Promise<void> };

/**
 * Makes what answers `/ready`: 200 where the process can do its work, else 503; with what fails either way. Anybody may ask it, as
 * often as they like: all who ask at a time are one look at the database, and it writes once a second at most.
 */
export function openReadiness(deps: ProbeDeps, stopping: AbortSignal): Readiness {
  const isMigrated = once(deps.isMigrated, 0);
  const tryWriting = once(deps.tryWriting, WRITE_EVERY_MS);

  /** The names of what it cannot do its work without; why goes to the log alone. */
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

/** Does something once for all who ask meanwhile, and for as long afterwards as is said. */
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

/** Rejects where the work has not settled after `limitMs`; the work itself goes on. */
export function inTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    sleep(limitMs, null, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
  ]);
}
