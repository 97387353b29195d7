import { z } from 'zod';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { scheduleAccountWakes } from '../wake/wake-account.ts';
import { runBackfill } from './exemption-backfill.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** Brings an account's new rules version into force in its lanes. */
export const scheduleAccountJob = defineJob({
  name: 'schedule-account',
  schema: z.object({ accountId: z.uuid(), version: z.int() }),
});

/** Asks for it, after the change has committed; if the queue is down, the reconciler finds the account. */
export async function scheduleAccount(
  queues: Queues,
  log: Log,
  accountId: string,
  version: number,
): Promise<void> {
  try {
    await queues.add(
      scheduleAccountJob,
      { accountId, version },
      { id: `${accountId}-${version}`, delayMs: 0 },
    );
  } catch (error) {
    log.warn({ err: error, accountId }, 'the queue did not take a change of rules; the reconciler will');
  }
}

/** Sets every lane of the account to be woken now, and arms them; then begins the walk that a change of exempt tags asks for. */
export const implementScheduleAccount = (deps: EngineDeps, queues: Queues) =>
  implementJob(scheduleAccountJob, async ({ accountId }, { log }) => {
    await scheduleAccountWakes(deps, accountId);
    await runBackfill(deps, queues, log, accountId);
  });
