import type postgres from 'postgres';
import { withProgress } from '../src/commands/progress.ts';
import type { BackendKind } from '../src/jobs/store/store.ts';
import { programFor } from '../test/support/need.ts';
import { startRedis } from '../test/support/redis.ts';
import { type DelayedJobs, delayedJobsOnPostgres, delayedJobsOnRedis } from './baselines/delayed-jobs.ts';
import type { Stage } from './stage.ts';

/** A delayed job for each open conversation of the big account, on either store. */
export type FilledJobs = {
  /** Fills the store when it is first asked for; null where no Redis is installed. */
  on(kind: BackendKind): Promise<DelayedJobs | null>;
  /** Takes all of them away. */
  close(): Promise<void>;
};

const CHUNK = 2_000;
const AT_ONCE = 2;
/** As many calls as there are at once in the scenario that uses most. */
const CONNECTIONS = 16;

/** Nothing is filled before it is asked for, nor is a Redis started. */
export function openFilledJobs(stage: Pick<Stage, 'admin' | 'big' | 'engine'>): FilledJobs {
  const filled = new Map<BackendKind, Promise<DelayedJobs>>();
  const open = async (kind: BackendKind) => {
    const jobs = kind === 'redis' ? await onOwnRedis() : await onPostgres(stage);
    await fill(stage.admin, stage.big.accountId, kind, jobs);
    return jobs;
  };
  return {
    async on(kind) {
      if (kind === 'redis' && programFor('redis') === null) return null;
      const jobs = filled.get(kind) ?? open(kind);
      filled.set(kind, jobs);
      return await jobs;
    },
    async close() {
      for (const opening of filled.values()) {
        const jobs = await opening.catch(() => null);
        await jobs?.close();
      }
      filled.clear();
    },
  };
}

function onPostgres({ engine }: Pick<Stage, 'engine'>): Promise<DelayedJobs> {
  return delayedJobsOnPostgres(engine.db.address, CONNECTIONS);
}

async function onOwnRedis(): Promise<DelayedJobs> {
  const redis = await startRedis();
  const jobs = await delayedJobsOnRedis(redis.url);
  return {
    ...jobs,
    async close() {
      await jobs.close();
      await redis.stop();
    },
  };
}

async function fill(admin: postgres.Sql, accountId: string, kind: BackendKind, jobs: DelayedJobs) {
  const rows = await admin<{ id: string }[]>`
    select id from conversation where account_id = ${accountId} and status <> 'ENDED'`;
  let begun = 0;
  let done = 0;
  await withProgress(`Filling a queue on ${kind}`, (onProgress) =>
    Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (begun < rows.length) {
          const chunk = rows.slice(begun, begun + CHUNK);
          begun += chunk.length;
          await jobs.add(chunk.map(({ id }) => id));
          done += chunk.length;
          onProgress(done, rows.length);
        }
      }),
    ),
  );
  const count = await jobs.count();
  if (count !== rows.length) throw new Error(`${count} jobs for ${rows.length} conversations`);
}
