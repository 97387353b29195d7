import { setTimeout as delay } from 'node:timers/promises';
import type { Queue, Worker } from 'bullmq';
import { SetupError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';

/** The stores of queues and fan-out. */
export type BackendKind = 'postgres' | 'redis';

/** The queues of one store. `queue` and `worker` share its connections and do not close them. */
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
  close(): Promise<void>;
};

/** The pause before a lost connection is opened again. */
export const RETRY_AFTER_MS = 500;

/** Options of every queue: ids can be reused once a job is done. BullMQ's event stream is unused and kept short; on Postgres, 0 would keep all of it. */
export const QUEUE_OPTIONS = {
  defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  streams: { events: { maxLen: 100 } },
};

/** Options of every worker: another worker takes over the job of a dead one within 15 s. */
export const WORKER_OPTIONS = {
  lockDuration: 10_000,
  stalledInterval: 5_000,
  drainDelay: 5,
  runRetryDelay: RETRY_AFTER_MS,
};

const PAUSES_MS = [250, 500, 1_000, 2_000];

/**
 * Opens a connection to a server that may still be starting: logs and retries for about 4 s. `where` names the server without
 * its password.
 * @throws SetupError with exit code 3 if it is not reachable
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
 * Makes a listener for connection errors, which repeat fast while a server is away: it logs the first, then every 10 s their
 * number. Without a listener they would end the process.
 */
export function troubleLog(log: Log, what: string): Trouble {
  let muted = false;
  let unlogged = 0;
  return function report(error) {
    if (muted) {
      unlogged += 1;
      return;
    }
    log.warn({ reason: reasonOf(error), unlogged }, `connection errors of ${what}`);
    muted = true;
    unlogged = 0;
    setTimeout(() => {
      muted = false;
      if (unlogged > 0) report(error);
    }, 10_000).unref();
  };
}

/** The message or code of an error alone, because its other fields may contain the password. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
