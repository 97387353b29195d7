import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import type postgres from 'postgres';
import { readGauges } from '../src/db/gauges.ts';
import { alarmsUpTo } from '../src/db/rows/lanes.ts';
import type { Activity } from '../src/engine.ts';
import { recordActivities } from '../src/ingest/record-activities.ts';
import { readFeed } from '../src/insight/feed.ts';
import { wakeLane } from '../test/support/flows.ts';
import { describeMachine } from './machine.ts';
import { keepBusy, median, timed } from './measure.ts';
import { openStage, type Stage } from './stage.ts';

/** Measures the figures of docs/scale.md: bytes, wakes and scans, one line each. */
const program = new Command('bench/scale')
  .description('Measures what docs/scale.md reckons with, on a database of its own that it removes.')
  .option('--rows <count>', 'open conversations', wholeNumber, 100_000)
  .option('--lanes <count>', 'lanes that the reconciler looks through', wholeNumber, 100_000)
  .parse();
const options = program.opts<{ rows: number; lanes: number }>();

/** How many calls of 500 messages are told. */
const CALLS = 40;
/** How many messages are told in calls of their own. */
const ALONE = 3_000;
const WAKES_AT_ONCE = 4;
const WAKE_FOR_MS = 5_000;
/** The unit in which Linux counts processor time. */
const TICK_MS = 10;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const stage = await openStage(options.rows, undefined);
try {
  tell('machine', JSON.stringify(await describeMachine(stage.admin, stage.engine.queues.kind)));
  await sizes(stage);
  await messages(stage);
  await wakes(stage);
  await scans(stage);
} finally {
  await stage.close();
}

/** Bytes a row with its indexes, freshly filled. */
async function sizes({ admin }: Stage): Promise<void> {
  await admin`vacuum (analyze)`;
  for (const table of ['contact', 'conversation', 'event', 'lane']) {
    const [row] = await admin`
      select (select count(*)::int from ${admin(table)}) as rows, pg_table_size(${table}::regclass)::int as heap,
        pg_indexes_size(${table}::regclass)::int as indexes`;
    const each = (bytes: number) => (bytes / row?.rows).toFixed(0);
    tell(
      `${table}, bytes a row`,
      `${each(row?.heap + row?.indexes)} (table ${each(row?.heap)}, indexes ${each(row?.indexes)})`,
    );
  }
}

/** Measures the bytes that messages of known customers add to the tables and to the write-ahead log. */
async function messages(stage: Stage): Promise<void> {
  const { admin, engine, big } = stage;
  const contacts = await admin<{ channel_id: string; address: string }[]>`
    select channel_id, address from contact where account_id = ${big.accountId} limit ${CALLS * 500}`;
  const before = await roomOf(admin);
  const idle = await cpuMs(admin);
  const { ms } = await timed(async () => {
    for (let call = 0; call < CALLS; call++) {
      const activities = contacts.slice(call * 500, call * 500 + 500).map(
        ({ channel_id, address }, index): Activity => ({
          target: { channelId: channel_id, address },
          action: { kind: 'INBOUND' },
          messageId: `0190a000-0000-7000-8000-${String(call * 500 + index).padStart(12, '0')}`,
        }),
      );
      await recordActivities(engine.deps, big.accountId, activities);
    }
  });
  const used = await cpuMs(admin);
  const after = await roomOf(admin);
  const count = CALLS * 500;
  tell('event of a message, bytes with indexes', ((after.events - before.events) / count).toFixed(0));
  tell('log (WAL) of a message, bytes', ((after.wal - before.wal) / count).toFixed(0));
  tell('messages, 500 a call, one caller, a second', ((count * 1000) / ms).toFixed(0));
  tellCpu('a message, 500 a call', idle, used, count);
  const alone = await cpuMs(admin);
  for (let index = 0; index < ALONE; index++) {
    const { channel_id, address } = contacts[index % contacts.length] as {
      channel_id: string;
      address: string;
    };
    const messageId = `0190a000-0000-7000-9000-${String(index).padStart(12, '0')}`;
    const target = { channelId: channel_id, address };
    await recordActivities(engine.deps, big.accountId, [{ target, action: { kind: 'INBOUND' }, messageId }]);
  }
  tellCpu('a message, one a call', alone, await cpuMs(admin), ALONE);
  const page = await timed(() => readFeed(engine.db.sql, big.accountId, null, 1_000));
  tell('a page of 1,000 of the feed, ms', page.ms.toFixed(1));
}

async function roomOf(admin: postgres.Sql): Promise<{ events: number; wal: number }> {
  const [row] = await admin`
    select pg_total_relation_size('event')::float8 as events, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal`;
  return row as { events: number; wal: number };
}

/** Measures wakes of lanes in which no conversation is due, without the queue. */
async function wakes({ engine, admin, big }: Stage): Promise<void> {
  const lanes = big.lanes.map(({ id }) => id);
  let next = 0;
  const idle = await cpuMs(admin);
  const done = await keepBusy(WAKES_AT_ONCE, WAKE_FOR_MS, async () => {
    const laneId = lanes[next++ % lanes.length] as string;
    await wakeLane(engine.deps, { accountId: big.accountId, laneId, wakeAt: null });
    return 1;
  });
  tell(`wakes a second, nobody due, ${WAKES_AT_ONCE} at once`, ((done * 1000) / WAKE_FOR_MS).toFixed(0));
  tellCpu('a wake, nobody due', idle, await cpuMs(admin), done);
}

/** Measures the periodic statements of the reconciler and the metrics, with many lanes. */
async function scans({ engine, admin, big }: Stage): Promise<void> {
  const { lanes } = options;
  const ask = async (what: string) => {
    const now = engine.clock.now();
    const near: number[] = [];
    const gauges: number[] = [];
    for (let round = 0; round < 5; round++) {
      near.push((await timed(() => alarmsUpTo(engine.db.sql, new Date(now.getTime() + 10_000), 1_000))).ms);
      gauges.push((await timed(() => readGauges(engine.db.sql, now))).ms);
    }
    tell(`the reconciler's look at ${what}, ms`, median(near).toFixed(2));
    tell(`the metrics' look at ${what}, ms`, median(gauges).toFixed(2));
  };
  await ask('the seeded lanes');
  await admin`
    insert into lane select (jsonb_populate_record(null::lane, to_jsonb(one) || jsonb_build_object('id', gen_random_uuid(), 'case_status', 'status ' || number,
      'wake_at', now() + interval '1 day' + number * interval '1 second'))).*
    from generate_series(1, ${lanes}) as number, (select * from lane where account_id = ${big.accountId} limit 1) as one`;
  await admin`vacuum (analyze) lane`;
  await ask(`${lanes.toLocaleString('en')} lanes more`);
  const [row] = await admin`select pg_total_relation_size('lane')::float8 / count(*) as each from lane`;
  tell('lane, bytes a row, of many', Number(row?.each).toFixed(0));
}

/** Processor time so far, in ms: of this process, and of all of Postgres'; it tells more than a clock where others work too. */
async function cpuMs(admin: postgres.Sql): Promise<{ node: number; postgres: number }> {
  const { user, system } = process.cpuUsage();
  const rows = await admin<{ pid: number }[]>`select pid from pg_stat_activity`;
  const ticks = rows.map(({ pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return { node: (user + system) / 1_000, postgres: ticks.reduce((sum, each) => sum + each, 0) * TICK_MS };
}

function tellCpu(
  what: string,
  from: Awaited<ReturnType<typeof cpuMs>>,
  to: typeof from,
  count: number,
): void {
  const [node, database] = [(to.node - from.node) / count, (to.postgres - from.postgres) / count];
  tell(`processor time of ${what}, ms`, `Lull ${node.toFixed(3)}, Postgres ${database.toFixed(3)}`);
}

function tell(name: string, value: string): void {
  process.stdout.write(`${name}: ${value}\n`);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is allowed');
  return Number(text);
}
