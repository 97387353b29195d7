import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { type Engine, openEngine } from '../src/app.ts';
import { withProgress } from '../src/commands/progress.ts';
import { readConfig } from '../src/config.ts';
import { postgresOptions } from '../src/db/address.ts';
import { startHeartbeat } from '../src/jobs/heartbeat.ts';
import { createLog } from '../src/log.ts';
import { startWorker } from '../src/start/start-worker.ts';
import { programFor } from '../test/support/need.ts';
import { startRedis } from '../test/support/redis.ts';
import { type FilledJobs, openFilledJobs } from './filled-jobs.ts';
import { until } from './measure.ts';
import { type Account, seedAccount } from './seed.ts';

/** The setting of every scenario: the real engine with its worker, a large account and a small one. */
export type Stage = {
  engine: Engine;
  /** A connection of the bench's own, without time limits. */
  admin: postgres.Sql;
  big: Account;
  small: Account;
  /** The environment with which a process of Lull works on the same database and queue. */
  env: Record<string, string>;
  /** A delayed job for each of the big account's conversations, as others keep them. */
  delayedJobs: FilledJobs;
  /** Stops its worker, for a scenario whose service has one of its own. */
  stopWorker(): Promise<void>;
  close(): Promise<void>;
};

const SMALL = 10_000;
/** How often the database is asked whether something has come about. */
const POLL_MS = 5;

/**
 * Opens the engine on a database of its own in a temporary folder and fills it; `close` leaves nothing behind.
 * `redis`: where the queue is; true: on a Redis of its own; absent: on Postgres.
 */
export async function openStage(rows: number, redis: string | true | undefined): Promise<Stage> {
  const ownRedis = redis === true ? await openOwnRedis() : null;
  const redisUrl = ownRedis?.url ?? (redis as string | undefined);
  const folder = mkdtempSync(join(tmpdir(), 'lull-bench-'));
  chmodSync(folder, 0o755);
  const removeFolder = () =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.once('exit', removeFolder);
  const config = readConfig({
    LULL_DATA_DIR: folder,
    REDIS_URL: redisUrl,
    LULL_ALLOW_PRIVATE_WEBHOOKS: 'true',
    LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
  });
  const engine = await openEngine(config, createLog({ logLevel: 'warn' }));
  const admin = postgres({ ...postgresOptions(engine.db.address), max: 4, onnotice: () => {} });
  try {
    const seed = (name: string, count: number) =>
      withProgress(`Filling ${name}`, (onProgress) => seedAccount(engine, name, count, onProgress));
    const small = await seed('small', Math.min(SMALL, rows));
    const big = await seed('big', rows);
    const worker = startWorker(engine, config);
    // As long as this runs the service is up: no process that joins it finds that it was down, which would not count.
    const heartbeat = await startHeartbeat(engine, engine.log);
    const stage: Stage = {
      engine,
      admin,
      big,
      small,
      env: { LULL_DATA_DIR: folder, ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) },
      delayedJobs: openFilledJobs({ admin, big, engine }),
      stopWorker: () => worker.close(),
      async close() {
        await stage.delayedJobs.close();
        await heartbeat.stop();
        await worker.close();
        await admin.end({ timeout: 5 });
        await engine.close();
        await ownRedis?.stop();
        removeFolder();
      },
    };
    await settled(stage, small);
    await settled(stage, big);
    return stage;
  } catch (error) {
    await admin.end({ timeout: 5 });
    await engine.close();
    await ownRedis?.stop();
    throw error;
  }
}

async function openOwnRedis() {
  if (programFor('redis') === null)
    throw new Error('there is no redis-server; --redis may name one by its URL');
  return await startRedis();
}

/** Waits until the account's newest rules are in force: every lane has been settled since they changed. */
export async function settled({ admin }: Pick<Stage, 'admin'>, { accountId }: Account): Promise<void> {
  await until('the new rules in force', 120_000, POLL_MS, async () => {
    // Arming takes a lane's floor away, and settling it finds it anew.
    const [row] = await admin`
      select scheduled_version = rules_version as armed,
        not exists (select from lane where lane.account_id = account.account_id and floor = to_timestamp(0)) as settled
      from account where account_id = ${accountId}`;
    return row?.armed && row.settled;
  });
}

/** Sweeps up what a scenario left, so that the next one begins on tables in good order. */
export async function tidy({ admin }: Pick<Stage, 'admin'>): Promise<void> {
  await admin`vacuum (analyze) conversation, contact, event, lane`;
  await admin`checkpoint`;
}
