import type { z } from 'zod';
import type { DatabaseAddress } from '../db/address.ts';
import type { Log } from '../log.ts';
import type { Job, JobImplementation } from './job.ts';
import { openPostgresBackend } from './store/postgres-store.ts';
import { openRedisBackend } from './store/redis-store.ts';
import { type QueueBackend, within } from './store/store.ts';

/** How long the queue may take to answer: one that is down must not hold up what only wants to nudge. */
const ANSWER_WITHIN_MS = 1_500;

/** How long workers without a running job may take to leave: BullMQ waits for ever for a Redis that is gone. */
const LEAVE_WITHIN_MS = 1_000;

const CHUNK = 500;

/**
 * While a job with this `id` waits or runs, another is not added. An id has no `:` and is not a whole number.
 * `delayMs` counts from now: 0 or less is as soon as possible, 90 days and more are fine. One that gives way
 * runs when no other of its kind waits that does not.
 */
export type When = { id: string; delayMs: number; givesWay?: boolean };

/** Workers that were started together. */
type Crew = {
  /** Takes no further job, waits for those that run, and leaves. */
  close(): Promise<void>;
};

/** Jobs of a kind: those whose time has come, those whose has not, and those that run. */
type Depth = { waiting: number; delayed: number; active: number };

/** The queues of a process. They are the only record of nothing: they may be wiped at any time. */
export type Queues = {
  readonly kind: QueueBackend['kind'];
  /** Rejects within 2 s if the queue is down: log it and go on, the reconciler makes up for it. */
  add<Schema extends z.ZodObject>(job: Job<Schema>, payload: z.input<Schema>, when: When): Promise<void>;
  /** As `add`, 500 in a round trip; rejects at the first round trip that fails. */
  addMany<Schema extends z.ZodObject>(
    job: Job<Schema>,
    entries: readonly (When & { payload: z.input<Schema> })[],
  ): Promise<void>;
  /** Takes a job out that does not run; one that is not there is no matter. Rejects within 2 s if the queue is down. */
  remove(job: Job, id: string): Promise<void>;
  /** Starts to run jobs, at most `concurrency` of each kind at a time. It goes on by itself after the queue was away. */
  work(implementations: readonly JobImplementation[], options: { concurrency: number }): Crew;
  /** How many jobs of a kind there are, in all processes; rejects within 2 s if the queue is down. */
  depth(job: Job): Promise<Depth>;
  /** Rejects within 2 s if the queue is down. */
  ping(): Promise<void>;
  /** Closes the crews, then the connections; nothing of it keeps the process alive. */
  close(): Promise<void>;
};

type OpenQueues = {
  redisUrl?: string | undefined;
  database: DatabaseAddress;
  /** Sets these queues apart from others in the same store. */
  prefix?: string;
  log: Log;
};

/**
 * Opens the queues: on Redis if it has a URL, else on Postgres.
 * @throws SetupError with exit code 3 if the store is not there after about 4 s.
 */
export async function openQueues({ redisUrl, database, prefix = 'lull', log }: OpenQueues): Promise<Queues> {
  const backend =
    redisUrl === undefined
      ? await openPostgresBackend(database, prefix, log)
      : await openRedisBackend(redisUrl, prefix, log);
  const queues = new Map<string, ReturnType<QueueBackend['queue']>>();
  const crews = new Set<Crew>();

  function queueOf(job: Job) {
    const queue = queues.get(job.name) ?? backend.queue(job.name);
    queues.set(job.name, queue);
    return queue;
  }

  return {
    kind: backend.kind,

    async add(job, payload, when) {
      await within(ANSWER_WITHIN_MS, 'the queue', queueOf(job).add(job.name, payload, optionsFor(when)));
    },

    async addMany(job, entries) {
      for (let from = 0; from < entries.length; from += CHUNK) {
        const chunk = entries.slice(from, from + CHUNK);
        const added = queueOf(job).addBulk(
          chunk.map((entry) => ({ name: job.name, data: entry.payload, opts: optionsFor(entry) })),
        );
        await within(ANSWER_WITHIN_MS, 'the queue', added);
      }
    },

    async remove(job, id) {
      await within(ANSWER_WITHIN_MS, 'the queue', queueOf(job).remove(id, { removeChildren: false }));
    },

    work(implementations, { concurrency }) {
      const crew = startCrew(backend, implementations, concurrency, log);
      crews.add(crew);
      return crew;
    },

    async depth(job) {
      const counted = queueOf(job).getJobCounts('waiting', 'prioritized', 'delayed', 'active');
      const counts = await within(ANSWER_WITHIN_MS, 'the queue', counted);
      const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = counts;
      return { waiting: waiting + prioritized, delayed, active };
    },

    ping: () => within(ANSWER_WITHIN_MS, 'the queue', backend.ping()),

    async close() {
      await Promise.all([...crews].map((crew) => crew.close()));
      const closing = Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await within(LEAVE_WITHIN_MS, 'the queue', closing).catch(() => undefined);
      await backend.close();
    },
  };
}

function optionsFor({ id, delayMs, givesWay = false }: When) {
  // BullMQ runs what has a priority after all that has none.
  return { jobId: id, delay: Math.max(0, Math.ceil(delayMs)), ...(givesWay && { priority: 1 }) };
}

function startCrew(
  backend: QueueBackend,
  implementations: readonly JobImplementation[],
  concurrency: number,
  log: Log,
): Crew {
  const running = new Set<Promise<void>>();
  const workers = implementations.map(({ job, run }) =>
    backend.worker(
      job.name,
      async (payload, id) => {
        const done = run(payload, { id, log: log.child({ job: job.name, jobId: id }) });
        running.add(done);
        await done;
        running.delete(done);
      },
      concurrency,
    ),
  );
  let closed: Promise<void> | undefined;

  async function leave(): Promise<void> {
    let hasLeft = false;
    const leaving = Promise.allSettled(workers.map((worker) => worker.close())).then(() => {
      hasLeft = true;
    });
    do {
      await Promise.all(running);
      await within(LEAVE_WITHIN_MS, 'the queue', leaving).catch(() => undefined);
    } while (!hasLeft && running.size > 0);
  }

  return {
    close() {
      closed ??= leave();
      return closed;
    },
  };
}
