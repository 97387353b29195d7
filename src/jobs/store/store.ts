import { setTimeout as delay } from 'node:timers/promises';
import type { Queue, Worker } from 'bullmq';
import { SetupError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';

/** Where queues and fan-out live: Postgres, or Redis where there is one. */
export type BackendKind = 'postgres' | 'redis';

/** What `queues.ts` needs of either store; `queue` and `worker` share its few connections and do not close them. */
export type QueueBackend = {
  readonly kind: BackendKind;
  queue(
    name: string,
  ): Pick<Queue<unknown, void, string>, 'add' | 'addBulk' | 'remove' | 'getJobCounts' | 'close'>;
  worker(
    name: string,
    run: (payload: unknown, id: string) => Promise<void>,
    concurrency: number,
  ): Pick<Worker, 'close'>;
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** After how long a lost connection is tried again. */
export const RETRY_AFTER_MS = 500;

/**
 * Options of every queue: ids can be used again once a job is done; and as nobody reads BullMQ's event stream,
 * it is kept short (0 would keep all of it, on Postgres).
 */
export const QUEUE_OPTIONS = {
  defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  streams: { events: { maxLen: 100 } },
};

/** Options of every worker: a job whose worker died is picked up by another within 15 s. */
export const WORKER_OPTIONS = {
  lockDuration: 10_000,
  stalledInterval: 5_000,
  drainDelay: 5,
  runRetryDelay: RETRY_AFTER_MS,
};

const PAUSES_MS = [250, 500, 1_000, 2_000];

/**
 * Opens what may still be starting: says so and tries again, for about 4 s in all. `where` names the server for a
 * person, without its password.
 * @throws SetupError with exit code 3 if it is not there.
 */
export async function openPatiently<T>(where: string, open: () => Promise<T>, log: Log): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await open();
    } catch (error) {
      log.warn(`no ${where} yet: ${reasonOf(error)}`);
      await delay(pauseMs);
    }
  }
  return await open().catch((error) => {
    throw new SetupError(`no ${where}: ${reasonOf(error)}`, 3);
  });
}

export type Trouble = (error: unknown) => void;

/**
 * Listens to the errors of connections, which repeat fast while a server is away: logs the first,
 * then every 10 s how many there were. Without a listener they would end the process.
 */
export function troubleLog(log: Log, what: string): Trouble {
  let muted = false;
  let unsaid = 0;
  return function report(error) {
    if (muted) {
      unsaid += 1;
      return;
    }
    log.warn({ reason: reasonOf(error), unsaid }, `trouble with ${what}`);
    muted = true;
    unsaid = 0;
    setTimeout(() => {
      muted = false;
      if (unsaid > 0) report(error);
    }, 10_000).unref();
  };
}

/** What went wrong, without the command: a driver's error may carry the password in its other fields. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
