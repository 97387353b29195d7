import { createPostgresBackend, createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import { connectionSettings } from '../../src/jobs/store/postgres-store.ts';
import { QUEUE_OPTIONS } from '../../src/jobs/store/store.ts';
import type { Stage } from '../stage.ts';
import type { Subscriber } from '../subscriber.ts';

const NAME = 'close-one';
/** The beginning of their keys on Redis, and of the name of their schema on Postgres. */
const PREFIX = 'row_by_row';
const CHUNK = 1_000;

/** How many conversations were closed, and how long that took; the jobs are there before. */
export type RowByRow = { closed: number; ms: number };

/**
 * What help desks do: one conversation after the other, in a job each. The job looks the conversation up, checks
 * that it is still due, and writes it, its event and its webhook, statement by statement in one transaction (Chatwoot
 * and Rocket.Chat commit several times for each). Over the store that the engine's queue has, with connections enough
 * for every job under way. Stops when the time is up.
 */
export async function closeRowByRow(
  stage: Stage,
  conversationIds: readonly string[],
  { endpointId }: Pick<Subscriber, 'endpointId'>,
  { concurrency, forMs }: { concurrency: number; forMs: number },
): Promise<RowByRow> {
  const { engine, big } = stage;
  const sql = postgres({ ...postgresOptions(engine.db.address), max: concurrency, onnotice: () => {} });
  const store = openStore(stage, concurrency);
  const queue = store.queue();
  try {
    for (let from = 0; from < conversationIds.length; from += CHUNK)
      await queue.addBulk(
        conversationIds.slice(from, from + CHUNK).map((id) => ({ name: NAME, data: { id }, opts: {} })),
      );
    let closed = 0;
    let isOver = false;
    const over = Promise.withResolvers<void>();
    const started = performance.now();
    const timer = setTimeout(over.resolve, forMs);
    const worker = store.worker(async (id) => {
      if (isOver) return;
      await closeOne(sql, big.accountId, id, endpointId, engine.clock.now(), engine.deps.newId());
      closed += 1;
      if (closed === conversationIds.length) over.resolve();
    }, concurrency);
    await over.promise;
    isOver = true;
    const ms = performance.now() - started;
    clearTimeout(timer);
    await worker.close();
    return { closed, ms };
  } finally {
    await queue.close();
    await store.close();
    await sql.end();
  }
}

/** The store of the engine's queue, apart from it. */
function openStore({ engine, env, admin }: Stage, concurrency: number) {
  const options = { ...QUEUE_OPTIONS, prefix: PREFIX };
  const { REDIS_URL: url } = env;
  if (url !== undefined) {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    return {
      queue: () => new Queue(NAME, { ...options, connection: redis }, createRedisBackend),
      worker: (run: (id: string) => Promise<void>, at: number) =>
        new Worker(
          NAME,
          (job) => run(job.data.id),
          { connection: redis, prefix: PREFIX, concurrency: at },
          createRedisBackend,
        ),
      async close() {
        const keys = await redis.keys(`${PREFIX}:*`);
        if (keys.length > 0) await redis.del(keys);
        redis.disconnect();
      },
    };
  }
  const connection = connectionSettings(engine.db.address, PREFIX, Math.max(concurrency, 2));
  return {
    queue: () => new Queue(NAME, { ...QUEUE_OPTIONS, connection }, createPostgresBackend),
    worker: (run: (id: string) => Promise<void>, at: number) =>
      new Worker(NAME, (job) => run(job.data.id), { connection, concurrency: at }, createPostgresBackend),
    async close() {
      await admin.unsafe(`drop schema if exists ${connection.schema} cascade`);
    },
  };
}

async function closeOne(
  sql: postgres.Sql,
  accountId: string,
  id: string,
  endpointId: string,
  now: Date,
  outboxId: string,
): Promise<void> {
  await sql.begin(async (tx) => {
    const [found] = await tx`
      select revision + 1 as revision, channel_id, awaiting, last_activity_at from conversation
      where account_id = ${accountId} and id = ${id} and status <> 'ENDED' for no key update`;
    if (!found) return;
    await tx`
      update conversation set status = 'ENDED', lane_id = null, ended_at = ${now}, end_reason = 'AUTO_CLOSE', ended_by = 'SYSTEM',
        credited_agent_id = agent_id, former_status = status, rules_version = 1, lateness_ms = 0, placed_at = ${now},
        revision = ${found.revision}
      where account_id = ${accountId} and id = ${id}`;
    await tx`
      insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, effect, status, awaiting, data)
      values (${accountId}, ${id}, ${found.revision}, 'TIMER', ${now}, ${now}, 'SYSTEM', ${found.channel_id}, 'AUTO_CLOSE', 'ENDED', 'ENDED',
        ${found.awaiting}, ${{ due: found.last_activity_at.toISOString() } as never}::jsonb)`;
    await tx`
      insert into outbox (account_id, id, kind, conversation_id, revision, endpoint_id, channel_id, payload, state, attempts, due_at, created_at)
      values (${accountId}, ${outboxId}, 'SEND_WEBHOOK', ${id}, ${found.revision}, ${endpointId}, ${found.channel_id},
        ${{ type: 'conversation.ended', at: now.toISOString() } as never}::jsonb, 'PENDING', 0, ${now}, ${now})`;
  });
}
