import { Redis } from 'ioredis';
import postgres from 'postgres';
import { expect } from 'vitest';
import { type Engine, openEngine } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { type DatabaseAddress, pgPoolConfig, postgresOptions } from '../../src/db/address.ts';
import { createLog } from '../../src/log.ts';
import { startWorker } from '../../src/start/start-worker.ts';
import { eventually } from './closes.ts';
import { createTestDatabase } from './database.ts';
import { startRedis } from './redis.ts';

/** Where the queue may live. */
export const KINDS = ['postgres', 'redis'] as const;
export type Kind = (typeof KINDS)[number];

/** A database and a queue that a test may ill-treat, and whatever was opened on them. */
export type Store = {
  /** The environment of a service on it. */
  env: NodeJS.ProcessEnv;
  /** The test's own eyes: its connections are not among those that are killed. */
  sql: postgres.Sql;
  /** What was logged so far, of warnings and worse. */
  logged(): string;
  /** The engine of one more process, as far as that can be told from outside. */
  engine(): Promise<Engine>;
  /** The same, with a worker. */
  worker(): Promise<Engine>;
  /** Removes every row or key of the queue. */
  wipe(): Promise<void>;
  /** From now on nothing that is put into the queue stays there. */
  lose(): Promise<void>;
  /** Cuts every connection to the queue, as an operator or a restart does; those to the database too where it lives there. */
  cut(): Promise<void>;
  /** From now on a write to a conversation of the account takes that much longer on average, up to 1 ms. */
  linger(accountId: string, ms: number): Promise<void>;
  /** The connections on which a batch has been under way for longer than it takes without lingering. */
  closing(): Promise<{ pid: number }[]>;
  /** Waits for the transactions that are under way: each may have a snapshot from before what was just committed. */
  olderTransactions(): Promise<void>;
  close(): Promise<void>;
};

/** Opens a fresh database, with a queue in it or on a Redis of its own. */
export async function openStore(kind: Kind): Promise<Store> {
  const { address, drop } = await createTestDatabase();
  const sql = postgres({ ...postgresOptions(address), max: 2, onnotice: () => {} });
  const queue: Queue = kind === 'redis' ? await redisQueue() : postgresQueue(sql);
  const env: NodeJS.ProcessEnv = {
    DATABASE_URL: urlOf(address),
    ...(queue.redisUrl === undefined ? {} : { REDIS_URL: queue.redisUrl }),
    PORT: '0',
    LULL_ALLOW_PRIVATE_WEBHOOKS: 'true',
    LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
    // A machine that has more to do than tests is no overload.
    LULL_MAX_DELAY_MS: '60000',
    LOG_LEVEL: 'warn',
    NODE_ENV: 'test',
  };
  const config = readConfig(env);
  const lines: string[] = [];
  const log = createLog(config, { write: (line) => lines.push(line) });
  const closers: (() => Promise<void>)[] = [];

  async function engine(): Promise<Engine> {
    const opened = await openEngine(config, log);
    closers.push(() => opened.close());
    return opened;
  }

  return {
    env,
    sql,
    logged: () => lines.join(''),
    engine,
    async worker() {
      const opened = await engine();
      const worker = startWorker(opened, config);
      closers.push(() => worker.close());
      return opened;
    },
    wipe: queue.wipe,
    lose: queue.lose,
    cut: queue.cut,
    async linger(accountId, ms) {
      await sql.unsafe(`
        create function linger() returns trigger language plpgsql as
          'begin if random() < ${ms} then perform pg_sleep(0.001); end if; return new; end';
        create trigger linger before update on conversation for each row
          when (new.account_id = '${accountId}') execute function linger()`);
    },
    closing: () => sql`
      select pid from pg_stat_activity where datname = current_database() and state = 'active'
        and query like 'with due as materialized%' and query_start < clock_timestamp() - interval '50 ms'`,
    async olderTransactions() {
      const [now] = await sql<{ at: Date }[]>`select clock_timestamp()::text as at`;
      await eventually(async () => {
        const older = await sql`
          select pid from pg_stat_activity where datname = current_database() and xact_start <= ${now?.at ?? null}
            and pid <> pg_backend_pid() and backend_type = 'client backend'`;
        expect(older).toEqual([]);
      });
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
      await queue.stop();
      await sql.end();
      await drop();
    },
  };
}

/** The address as DATABASE_URL takes it; a socket's folder goes into the query. */
export function urlOf(address: DatabaseAddress): string {
  if ('url' in address) {
    const url = new URL(address.url);
    if (address.database !== undefined) url.pathname = `/${address.database}`;
    return url.href;
  }
  const { host, port, user, database } = pgPoolConfig(address);
  return `postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

/** Does what may lose a deadlock against a worker that looks for jobs, again if it does. */
async function orDeadlocked(run: () => PromiseLike<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run();
      return;
    } catch (error) {
      if (attempt === 10 || (error as { code?: string }).code !== '40P01') throw error;
    }
  }
}

type Queue = Pick<Store, 'wipe' | 'lose' | 'cut'> & { redisUrl: string | undefined; stop(): Promise<void> };

function postgresQueue(sql: postgres.Sql): Queue {
  async function wipe() {
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname = 'lull_queue' and tablename <> 'migration'`;
    const truncate = `truncate ${tables.map(({ name }) => name).join(', ')}`;
    await orDeadlocked(() => sql.unsafe(truncate));
  }
  return {
    redisUrl: undefined,
    wipe,
    async lose() {
      await sql`create function lose() returns trigger language plpgsql as 'begin return null; end'`;
      await orDeadlocked(
        () => sql`create trigger lose before insert on lull_queue.job for each row execute function lose()`,
      );
      await wipe();
    },
    async cut() {
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'lull'`;
    },
    stop: async () => {},
  };
}

async function redisQueue(): Promise<Queue> {
  const server = await startRedis();
  const admin = new Redis(server.url);
  const stop = async () => {
    if (admin.status !== 'end') admin.disconnect();
    await server.stop();
  };
  return {
    redisUrl: server.url,
    wipe: async () => void (await admin.flushall()),
    lose: stop,
    cut: async () => void (await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    stop,
  };
}

/** What no race and no crash may leave behind, in any account: each conversation with its fault; none is as it should be. */
export async function faults(sql: postgres.Sql): Promise<{ id: string; fault: string }[]> {
  return await sql`
    with effects as (
      select conversation_id, effect, lag(effect) over (partition by conversation_id order by revision) as before
      from event where effect is not null
    )
    select conversation_id as id, 'its revisions have gaps' as fault from event
    group by conversation_id having min(revision) <> 1 or max(revision) <> count(*)
    union all
    select id, 'its revision is not its newest event''s' from conversation
    where revision <> (select max(revision) from event where conversation_id = id)
    union all
    select conversation_id, effect || ' after ' || coalesce(before, 'nothing') from effects
    where case effect when 'STARTED' then before is not null
      when 'ENDED' then coalesce(before, 'ENDED') = 'ENDED' else before is distinct from 'ENDED' end
    union all
    select id, 'it is ' || status || ' after ' || effect from conversation join lateral (
      select effect from event where conversation_id = id and effect is not null order by revision desc limit 1
    ) as newest on (status = 'ENDED') <> (effect = 'ENDED')
    union all
    select id, 'it is ended in a lane, or open in none' from conversation where (status = 'ENDED') = (lane_id is not null)
    union all
    select conversation_id, timer || ' acted early' from event where at < (data ->> 'due')::timestamptz
    union all
    select contact_id, 'two are open' from conversation where status <> 'ENDED' group by contact_id having count(*) > 1`;
}
