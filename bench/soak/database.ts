import { memoryOfPostgres } from '../http/memory.ts';
import type { Reading } from './samples.ts';
import type { World } from './world.ts';

const MIB = 2 ** 20;
/** The tables that traffic writes. All but lanes grow with the rows kept, so bytes for each row are judged. */
const TABLES = ['conversation', 'contact', 'lane', 'outbox', 'event'];

type TableRow = { name: string; live: number; dead: number; bytes: number; indexes: number };

/** Makes what looks at the database: connections, memory, and how bloated tables are. */
export function readDatabase({ admin, dataDir }: World): () => Promise<Reading[]> {
  return async () => {
    const [connections] = await admin<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name = 'lull'`;
    const tables = await admin<TableRow[]>`
      select relname as name, n_live_tup::float8 as live, n_dead_tup::float8 as dead,
        pg_table_size(relid)::float8 as bytes, pg_indexes_size(relid)::float8 as indexes
      from pg_stat_user_tables where schemaname = 'public' and relname = any(${TABLES}) order by relname`;
    return [
      { name: 'database: connections', value: connections?.count ?? null, unit: '', floor: 2 },
      // Mostly the cache that all its processes share, which fills.
      { name: 'database: memory', value: memoryOfPostgres(dataDir), unit: 'MiB', floor: 0, judged: false },
      ...tables.flatMap(readTable),
    ];
  };
}

function readTable({ name, live, dead, bytes, indexes }: TableRow): Reading[] {
  const share = (value: number) => (live > 0 ? value / live : null);
  // Of few rows that are written all the time many versions are dead between two sweeps.
  const isSmall = live < 5_000;
  const floor = isSmall ? 1_000 : 50;
  return [
    { name: `${name}: rows`, value: live, unit: '', floor: 0, judged: false },
    { name: `${name}: dead rows for each row`, value: share(dead), unit: '', floor: isSmall ? 5 : 0.2 },
    { name: `${name}: bytes for each row`, value: share(bytes), unit: 'B', floor },
    { name: `${name}: bytes of indexes for each row`, value: share(indexes), unit: 'B', floor },
  ];
}

/** Makes what looks at the queue: all of its rows, or keys. */
export function readQueue({ admin, redis }: World): () => Promise<Reading[]> {
  if (redis !== null)
    return async () => {
      const memory = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
      return [
        { name: 'queue: keys', value: await redis.dbsize(), unit: '', floor: 500 },
        { name: 'queue: size', value: memory / MIB, unit: 'MiB', floor: 4 },
      ];
    };
  return async () => {
    const tables = await admin<{ name: string; bytes: number }[]>`
      select format('%I.%I', schemaname, tablename) as name,
        pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)::float8 as bytes
      from pg_tables where schemaname = 'lull_queue'`;
    const counts = tables.map(({ name }) => `(select count(*) from ${name})`).join(' + ');
    const [counted] = await admin.unsafe<{ count: number }[]>(`select (${counts})::float8 as count`);
    const bytes = tables.reduce((sum, each) => sum + each.bytes, 0);
    return [
      // Each of its queues keeps some hundred events, and sweeps them now and then.
      { name: 'queue: rows', value: counted?.count ?? null, unit: '', floor: 1_500 },
      { name: 'queue: size', value: bytes / MIB, unit: 'MiB', floor: 4 },
    ];
  };
}

type Late = { count: number; p50: number | null; p99: number | null; most: number | null };

/** Makes what looks at what was closed since it last looked, and how late. */
export function readLateness({ admin, account, engine }: World): () => Promise<Reading[]> {
  let since = engine.clock.now();
  return async () => {
    const now = engine.clock.now();
    const [late] = await admin<Late[]>`
      select count(*)::int as count, percentile_cont(0.5) within group (order by lateness_ms)::float8 as p50,
        percentile_cont(0.99) within group (order by lateness_ms)::float8 as p99, max(lateness_ms)::float8 as most
      from conversation
      where account_id = ${account.accountId} and ended_at > ${since} and ended_at <= ${now} and lateness_ms is not null`;
    since = now;
    return [
      { name: 'closed', value: late?.count ?? null, unit: '', floor: 0, judged: false },
      { name: 'lateness, p50', value: late?.p50 ?? null, unit: 'ms', floor: 100 },
      { name: 'lateness, p99', value: late?.p99 ?? null, unit: 'ms', floor: 500 },
      { name: 'lateness, most', value: late?.most ?? null, unit: 'ms', floor: 0, judged: false },
    ];
  };
}
