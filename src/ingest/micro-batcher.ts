import { canBeBisected } from '../db/sqlstate.ts';
import { LullError, UnavailableError } from '../domain/errors.ts';
import type { Activity, ActivityResult } from '../engine.ts';

/**
 * Micro-batches the concurrent small calls of an account: one read, one write and one commit for all of them. Every call is
 * still applied whole or not at all, and gets the results of its own activities. The queue of an account is
 *
 * - idle: nothing runs and nothing waits; the account has no queue then;
 * - collecting: calls wait for the end of this turn of the event loop, because no batch runs;
 * - running: a batch runs, and calls that come meanwhile wait for it, or for `MAX_WAIT_MS` if it takes longer.
 *
 * A failing batch is bisected until the failing call runs alone.
 */

/** Records the activities of a call, all or none. */
export type Record = (accountId: string, activities: readonly Activity[]) => Promise<ActivityResult[]>;
/** Records the activities of one or several calls; several give up early on a lock (SQLSTATE 55P03). */
export type RecordBatch = (
  accountId: string,
  activities: readonly Activity[],
  calls: number,
) => Promise<ActivityResult[]>;

/** Activities; a larger call runs alone, because batching would gain it little. */
const MAX_CALL_SIZE = 50;
/** Activities in one batch. */
const MAX_BATCH_SIZE = 500;
/** How long a call waits for a running batch. After that, as behind a lock, the next batch starts beside it. */
const MAX_WAIT_MS = 5;

type Call = {
  activities: readonly Activity[];
  resolve: (results: ActivityResult[] | Promise<ActivityResult[]>) => void;
  reject: (error: unknown) => void;
};

type Queue = {
  accountId: string;
  waiting: Call[];
  runningBatches: number;
  isCollecting: boolean;
  timeout: NodeJS.Timeout | null;
};

type Batcher = { recordBatch: RecordBatch; queues: Map<string, Queue> };

/** Makes a micro-batcher over what records a batch. Calls that share a batcher may share a transaction. */
export function openMicroBatcher(recordBatch: RecordBatch): Record {
  const batcher: Batcher = { recordBatch, queues: new Map() };
  return (accountId, activities) => {
    if (activities.length > MAX_CALL_SIZE) return recordBatch(accountId, activities, 1);
    const queue = queueOf(batcher, accountId);
    return new Promise((resolve, reject) => {
      queue.waiting.push({ activities, resolve, reject });
      planNext(batcher, queue);
    });
  };
}

function queueOf({ queues }: Batcher, accountId: string): Queue {
  const known = queues.get(accountId);
  if (known !== undefined) return known;
  const queue = { accountId, waiting: [], runningBatches: 0, isCollecting: false, timeout: null };
  queues.set(accountId, queue);
  return queue;
}

/** Plans the next batch: at the end of this turn of the event loop, or after `MAX_WAIT_MS` if a batch is running. */
function planNext(batcher: Batcher, queue: Queue): void {
  if (queue.runningBatches > 0) {
    queue.timeout ??= setTimeout(() => void runNext(batcher, queue), MAX_WAIT_MS);
    return;
  }
  if (queue.isCollecting) return;
  queue.isCollecting = true;
  setImmediate(() => {
    queue.isCollecting = false;
    if (queue.waiting.length > 0) void runNext(batcher, queue);
  });
}

async function runNext(batcher: Batcher, queue: Queue): Promise<void> {
  if (queue.timeout !== null) clearTimeout(queue.timeout);
  queue.timeout = null;
  const calls = takeBatch(queue.waiting);
  queue.runningBatches++;
  const running = recordCalls(batcher, queue.accountId, calls);
  if (queue.waiting.length > 0) planNext(batcher, queue);
  await running;
  queue.runningBatches--;
  if (queue.waiting.length > 0) planNext(batcher, queue);
  else if (queue.runningBatches === 0) batcher.queues.delete(queue.accountId);
}

/** Takes as many of the waiting calls as fit into one batch, the oldest first. */
function takeBatch(waiting: Call[]): Call[] {
  let [count, size] = [0, 0];
  for (const { activities } of waiting) {
    size += activities.length;
    if (size > MAX_BATCH_SIZE) break;
    count++;
  }
  return waiting.splice(0, count);
}

/** Records calls as one batch and settles each of them. Never rejects. */
async function recordCalls(batcher: Batcher, accountId: string, calls: readonly Call[]): Promise<void> {
  const isBatch = calls.length > 1;
  try {
    const all = calls.flatMap((call) => call.activities);
    const results = await batcher.recordBatch(accountId, all, calls.length);
    let first = 0;
    for (const { activities, resolve } of calls) {
      const own = results.slice(first, first + activities.length);
      resolve(isBatch ? retryUnavailable(batcher, accountId, activities, own) : own);
      first += activities.length;
    }
  } catch (error) {
    if (isBatch && !(error instanceof LullError) && canBeBisected(error)) {
      const half = calls.length >> 1;
      await Promise.all([
        recordCalls(batcher, accountId, calls.slice(0, half)),
        recordCalls(batcher, accountId, calls.slice(half)),
      ]);
    } else for (const { reject } of calls) reject(error);
  }
}

/** Retries, outside the batch, activities that exceeded a limit of work only because the batch shares it. */
async function retryUnavailable(
  { recordBatch }: Batcher,
  accountId: string,
  activities: readonly Activity[],
  results: ActivityResult[],
): Promise<ActivityResult[]> {
  const isUnavailable = (index: number) => results[index]?.error instanceof UnavailableError;
  const left = activities.filter((_, index) => isUnavailable(index));
  if (left.length === 0) return results;
  const retried = await recordBatch(accountId, left, 1).catch(() => null);
  return retried === null
    ? results
    : results.map((result, index) => (isUnavailable(index) ? (retried.shift() ?? result) : result));
}
