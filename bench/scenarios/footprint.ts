import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type postgres from 'postgres';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import { laneWake, scheduleWakes } from '../../src/jobs/lane-wake.ts';
import { openQueues, type Queues } from '../../src/jobs/queues.ts';
import type { BackendKind } from '../../src/jobs/store/store.ts';
import { startRedis } from '../../test/support/redis.ts';
import { BYTES_ON_POSTGRES, bytesOnRedis } from '../queue-bytes.ts';
import type { Figure, Findings } from '../report.ts';
import type { Account } from '../seed.ts';
import type { Stage } from '../stage.ts';

/** How many times as much delayed jobs are to need, for a million conversations; for fewer, as much less. */
const LESS = 500 / 1_000_000;
/** How often it is looked how many jobs there are. */
const LOOKS = 20;
const LOOK_EVERY_MS = 100;

/** The fewest jobs of lanes in several looks: one that is being woken has its next alarm beside the one it was woken by. */
async function fewestJobs(queues: Queues): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS; look++) {
    const { waiting, delayed, active } = await queues.depth(laneWake);
    fewest = Math.min(fewest, waiting + delayed + active);
    await sleep(LOOK_EVERY_MS);
  }
  return fewest;
}

/**
 * What the queue holds: jobs and bytes for the alarms of an account's lanes, few conversations or many, against a
 * delayed job for each conversation, in both stores.
 */
export async function footprint(stage: Stage): Promise<Findings> {
  const { admin, engine, small, big } = stage;
  const [lanes] = await admin`select count(*)::int as alarmed from lane where wake_at is not null`;
  const jobs = await fewestJobs(engine.queues);
  const figures: Figure[] = [
    { name: `lanes, all accounts`, value: lanes?.alarmed, unit: '' },
    {
      ...{ name: `jobs of lanes in the engine's queue (${engine.queues.kind})`, unit: '' },
      ...{ value: jobs, atMost: lanes?.alarmed },
    },
  ];
  const failures: string[] = [];
  for (const kind of ['postgres', 'redis'] as const) {
    const jobs = await stage.delayedJobs.on(kind);
    if (jobs === null) continue;
    const [few, many] = [await alarmsOf(admin, small), await alarmsOf(admin, big)];
    const bytesOfFew = await bytesOf(stage, kind, few);
    const bytesOfMany = await bytesOf(stage, kind, many);
    const jobsBytes = await jobs.bytes();
    const open = (account: Account) => `${account.conversations.toLocaleString('en')} open`;
    const count = await jobs.count();
    figures.push(
      { name: `${kind}: alarms of ${few.length} lanes, ${open(small)}`, value: kib(bytesOfFew), unit: 'KiB' },
      { name: `${kind}: alarms of ${many.length} lanes, ${open(big)}`, value: kib(bytesOfMany), unit: 'KiB' },
      {
        ...{ name: `${kind}: alarms of many conversations / of few`, unit: '×', atMost: 1.1 },
        value: bytesOfMany / many.length / (bytesOfFew / few.length),
      },
      { name: `${kind}: ${count.toLocaleString('en')} delayed jobs`, value: kib(jobsBytes), unit: 'KiB' },
      { name: `${kind}: bytes of a delayed job`, value: jobsBytes / count, unit: '' },
      {
        ...{ name: `${kind}: delayed jobs / alarms`, unit: '×', atLeast: LESS * count },
        value: jobsBytes / bytesOfMany,
      },
    );
  }
  return { figures, failures };
}

/** The alarms of an account's lanes as they stand. */
async function alarmsOf(admin: postgres.Sql, { accountId }: Account): Promise<Alarm[]> {
  const rows = await admin<Alarm[]>`
    select account_id as "accountId", id as "laneId", wake_at as "wakeAt" from lane
    where account_id = ${accountId} and wake_at is not null`;
  return [...rows];
}

/** What a store needs for alarms that the engine puts into a queue of their own. */
async function bytesOf(stage: Stage, kind: BackendKind, alarms: readonly Alarm[]): Promise<number> {
  return kind === 'redis' ? await bytesInRedis(stage, alarms) : await bytesInPostgres(stage, alarms);
}

const PREFIX = 'footprint';

async function bytesInPostgres({ admin, engine }: Stage, alarms: readonly Alarm[]): Promise<number> {
  const queues = await openQueues({ database: engine.db.address, prefix: PREFIX, log: engine.log });
  try {
    await arm(queues, engine, alarms);
    const [row] = await admin.unsafe(BYTES_ON_POSTGRES, [`${PREFIX}_queue`]);
    return row?.bytes;
  } finally {
    await queues.close();
    await admin.unsafe(`drop schema if exists ${PREFIX}_queue cascade`);
  }
}

async function bytesInRedis({ engine }: Stage, alarms: readonly Alarm[]): Promise<number> {
  const server = await startRedis();
  const database = engine.db.address;
  const queues = await openQueues({ redisUrl: server.url, database, prefix: PREFIX, log: engine.log });
  const redis = new Redis(server.url);
  try {
    await arm(queues, engine, alarms);
    return await bytesOnRedis(redis, PREFIX);
  } finally {
    redis.disconnect();
    await queues.close();
    await server.stop();
  }
}

/** A queue that did not take all of them is no measure. */
async function arm(queues: Queues, { clock, log }: Stage['engine'], alarms: readonly Alarm[]): Promise<void> {
  await scheduleWakes(queues, clock, log, alarms);
  const { waiting, delayed } = await queues.depth(laneWake);
  if (waiting + delayed !== alarms.length)
    throw new Error(`${waiting + delayed} jobs for ${alarms.length} alarms`);
}

function kib(bytes: number): number {
  return bytes / 1024;
}
