import { z } from 'zod';
import { type Infallible, infallible } from '../after-commit.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { scheduleAccountWakes } from '../wake/schedule-account.ts';
import { runBackfill } from './exemption-backfill.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** Puts a rules version of an account into force in all its lanes. */
export const scheduleAccountJob = defineJob({
  name: 'schedule-account',
  schema: z.object({ accountId: z.uuid(), version: z.int() }),
});

/** Enqueues the job, once for each rules version. If the queue is down, the reconciler finds the account. */
export function scheduleAccount(queues: Queues, log: Log, accountId: string, version: number): Infallible {
  return infallible(
    log,
    'the queue did not take a change of rules; the reconciler schedules its lanes',
    () =>
      queues.add(scheduleAccountJob, { accountId, version }, { id: `${accountId}-${version}`, delayMs: 0 }),
    { accountId },
  );
}

/** Schedules every lane of the account to be woken now, then starts the exemption backfill if one is pending. */
export const implementScheduleAccount = (deps: ServiceDeps, queues: Queues) =>
  implementJob(scheduleAccountJob, async ({ accountId }, { log }) => {
    await deps.afterCommit(scheduleAccountWakes(deps, accountId));
    await runBackfill(deps, queues, log, accountId);
  });
