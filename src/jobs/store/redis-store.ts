import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { SetupError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import {
  openPatiently,
  QUEUE_OPTIONS,
  type QueueBackend,
  RETRY_AFTER_MS,
  type Trouble,
  troubleLog,
  WORKER_OPTIONS,
} from './store.ts';

const REDIS_OPTIONS = {
  connectTimeout: 3_000,
  keepAlive: 10_000,
  retryStrategy: (attempts: number) => Math.min(attempts * 50, RETRY_AFTER_MS),
};

/** Without these options, a queue first used while Redis is away would fail for ever. */
const NO_GREETING = { skipVersionCheck: true, skipWaitingForReady: true };

/** A connection to Redis. `disconnect` closes it and every copy that BullMQ made. */
type RedisConnections = { redis: Redis; where: string; disconnect(): void };

/**
 * Connects to Redis. Commands fail soon while it is away.
 * @throws SetupError with exit code 3 if it is not reachable
 */
export async function openRedis(redisUrl: string, trouble: Trouble, log: Log): Promise<RedisConnections> {
  const where = `Redis at ${hostAndPort(redisUrl)}`;
  await openPatiently(where, () => probe(redisUrl), log);
  const redis = new Redis(redisUrl, { ...REDIS_OPTIONS, maxRetriesPerRequest: 1 });
  redis.on('error', trouble);
  const copies = rememberCopies(redis);
  return { redis, where, disconnect: () => disconnectAll([redis, ...copies]) };
}

/** Opens queues on Redis or Valkey. A process has one connection to add jobs, one for its workers' commands, and one that each worker waits on. */
export async function openRedisBackend(redisUrl: string, prefix: string, log: Log): Promise<QueueBackend> {
  const trouble = troubleLog(log, 'the queues');
  const { redis, disconnect } = await openRedis(redisUrl, trouble, log);
  const workers = redis.duplicate({ maxRetriesPerRequest: null });
  const waiting = rememberCopies(workers);
  workers.on('error', trouble);

  return {
    kind: 'redis',
    queue(name) {
      const queue = new Queue(name, { connection: redis, prefix, ...NO_GREETING, ...QUEUE_OPTIONS });
      return queue.on('error', trouble);
    },
    worker(name, run, concurrency) {
      const worker = new Worker(
        name,
        (job) => run(job.data, job.id ?? ''),
        { connection: workers, prefix, concurrency, ...WORKER_OPTIONS },
        (...parameters) => punctual(createRedisBackend(...parameters), redis),
      );
      return worker.on('error', trouble);
    },
    async close() {
      disconnect();
      disconnectAll(waiting);
    },
  };
}

/** Collects the copies that BullMQ makes of a connection. It leaves them open if Redis is away, which keeps the process alive. */
function rememberCopies(redis: Redis): Set<Redis> {
  const copies = new Set<Redis>();
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (options) => {
    const copy = duplicate(options);
    copies.add(copy);
    return copy;
  };
  return copies;
}

/** Disconnecting twice would keep the process alive for 2 s. */
function disconnectAll(connections: Iterable<Redis>): void {
  for (const connection of connections) if (connection.status !== 'end') connection.disconnect();
}

type RedisQueueBackend = ReturnType<typeof createRedisBackend>;

/** Redis checks the timeouts of blocked clients up to 100 ms late (`hz 10`). A ping at that moment makes delayed jobs punctual. */
function punctual(backend: RedisQueueBackend, redis: Redis): RedisQueueBackend {
  const waitForJob = backend.waitForJob.bind(backend);
  backend.waitForJob = async (blockTimeoutSeconds) => {
    const wake = setTimeout(
      () => redis.ping().catch(() => undefined),
      Math.ceil(blockTimeoutSeconds * 1_000) + 2,
    );
    try {
      return await waitForJob(blockTimeoutSeconds);
    } finally {
      clearTimeout(wake);
    }
  };
  return backend;
}

async function probe(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl, { ...REDIS_OPTIONS, lazyConnect: true, retryStrategy: () => null });
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw cause ?? error;
  } finally {
    redis.disconnect();
  }
}

/** The part of the address without secrets. */
function hostAndPort(redisUrl: string): string {
  if (!URL.canParse(redisUrl))
    throw new SetupError('REDIS_URL is not a URL; redis://host:6379 is an example', 3);
  const { hostname, port } = new URL(redisUrl);
  return `${hostname}:${port || 6379}`;
}
