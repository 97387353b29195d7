import { Job, type MinimalQueue, PostgresConnection, PostgresQueueBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { DatabaseAddress } from '../../src/db/address.ts';
import { connectionSettings } from '../../src/jobs/store/postgres-store.ts';
import { QUEUE_OPTIONS } from '../../src/jobs/store/store.ts';
import { BYTES_ON_POSTGRES, bytesOnRedis } from '../queue-bytes.ts';
import { AUTO_CLOSE_AFTER_MS } from '../seed.ts';

/**
 * What most systems with a queue do: a delayed job for each open conversation, which every message removes and
 * adds anew. As quick as BullMQ can do it: known ids, so that nothing is looked up; hardly any event stream; no
 * worker, as nothing is due; on Redis nothing is written to disk, and what is sent at a time goes out together.
 */
export type DelayedJobs = {
  /** Adds a job for each conversation. */
  add(conversationIds: readonly string[]): Promise<void>;
  /** What a message on a conversation does: removes its job, and adds it with the whole delay before it. */
  restart(conversationId: string): Promise<void>;
  /** The same with BullMQ's `changeDelay`, which leaves the job and moves it. */
  postpone(conversationId: string): Promise<void>;
  /** How many jobs there are. */
  count(): Promise<number>;
  /** What the store needs for them. */
  bytes(): Promise<number>;
  /** Closes its connections; on Postgres the jobs go too. */
  close(): Promise<void>;
};

const NAME = 'close-conversation';
/** The beginning of their keys on Redis, and of the name of their schema on Postgres. */
const PREFIX = 'delayed_jobs';

function jobOf(conversationId: string) {
  return {
    name: NAME,
    data: { conversationId },
    opts: { jobId: conversationId, delay: AUTO_CLOSE_AFTER_MS },
  };
}

/** On a Redis that is theirs. */
export async function delayedJobsOnRedis(url: string): Promise<DelayedJobs> {
  const redis = new Redis(url, { enableAutoPipelining: true });
  const queue = new Queue(NAME, { connection: redis, prefix: PREFIX, ...QUEUE_OPTIONS });
  await queue.waitUntilReady();
  return {
    ...commonOf(queue),
    async restart(conversationId) {
      const { name, data, opts } = jobOf(conversationId);
      // Over one connection they arrive in this order.
      await Promise.all([
        queue.remove(conversationId, { removeChildren: false }),
        queue.add(name, data, opts),
      ]);
    },
    bytes: () => bytesOnRedis(redis, PREFIX),
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}

/** On the database of the bench, in a schema of its own. */
export async function delayedJobsOnPostgres(
  address: DatabaseAddress,
  connections: number,
): Promise<DelayedJobs> {
  const settings = connectionSettings(address, PREFIX, connections);
  const connection = new PostgresConnection(settings);
  await connection.waitUntilReady();
  const queue = new Queue(
    NAME,
    { connection: {}, ...QUEUE_OPTIONS },
    (name, options) =>
      new PostgresQueueBackend(connection, name, { ...options, connection: settings }, false),
  );
  return {
    ...commonOf(queue),
    async restart(conversationId) {
      const { name, data, opts } = jobOf(conversationId);
      await queue.remove(conversationId, { removeChildren: false });
      await queue.add(name, data, opts);
    },
    async bytes() {
      const { rows } = await connection.pool.query(BYTES_ON_POSTGRES, [settings.schema]);
      return Number(rows[0]?.bytes);
    },
    async close() {
      await queue.close();
      await connection.pool.query(`drop schema ${settings.schema} cascade`);
      await connection.close();
    },
  };
}

function commonOf(
  queue: Pick<Queue, 'addBulk' | 'getDelayedCount'> & MinimalQueue,
): Pick<DelayedJobs, 'add' | 'postpone' | 'count'> {
  return {
    async add(conversationIds) {
      await queue.addBulk(conversationIds.map(jobOf));
    },
    async postpone(conversationId) {
      const { name, data, opts } = jobOf(conversationId);
      await new Job(queue, name, data, opts, conversationId).changeDelay(AUTO_CLOSE_AFTER_MS);
    },
    count: () => queue.getDelayedCount(),
  };
}
