import { alarmsUpTo, unscheduledAccounts } from '../db/rows/lanes.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { scheduleAccountWakes } from '../wake/schedule-account.ts';
import { wakeLane } from '../wake/wake-lane.ts';
import { within } from '../within.ts';
import { runEvery } from './run-every.ts';

const EVERY_MS = 5_000;
/** Alarms within this time are put into the queue again; most are there already. */
const NEAR_MS = 10_000;
/** A lane overdue by this has lost its alarm or its worker, and is woken without the queue. */
const OVERDUE_MS = 5_000;
/** A statement on a broken connection may never answer; the next round must not wait for it. */
const GIVE_UP_MS = 60_000;
const MAX_ALARMS = 1_000;
const MAX_ACCOUNTS = 100;

/**
 * Makes up once for jobs that the queue lost: schedules changes of rules, arms near alarms, and wakes overdue lanes. Returns
 * the number of lanes it woke.
 */
export async function reconcile(deps: ServiceDeps, log: Log): Promise<number> {
  if (!deps.clock.isTrusted()) return 0;
  for (const accountId of await unscheduledAccounts(deps.db.sql, MAX_ACCOUNTS))
    await deps.afterCommit(scheduleAccountWakes(deps, accountId));

  const now = deps.clock.now().getTime();
  const alarms = await alarmsUpTo(deps.db.sql, new Date(now + NEAR_MS), MAX_ALARMS);
  const overdue = alarms.filter((alarm) => now - alarm.wakeAt.getTime() >= OVERDUE_MS);
  await deps.afterCommit(Promise.resolve({ result: null, caused: { alarms: alarms.slice(overdue.length) } }));
  for (const { accountId, laneId } of overdue) {
    try {
      const report = await deps.afterCommit(wakeLane(deps, { accountId, laneId, wakeAt: null }));
      if (report.kind === 'failed') throw report.error;
    } catch (error) {
      log.error({ err: error, accountId, laneId }, 'a lane could not be woken');
    }
  }
  if (overdue.length > 0) log.warn({ lanes: overdue.length }, 'woke overdue lanes without the queue');
  return overdue.length;
}

/**
 * Reconciles every 5 s, by a timer of this process because a wiped queue loses its schedules too. `resume` runs as often,
 * separately, so that it cannot delay a lane.
 */
export function startReconciler(
  deps: ServiceDeps,
  log: Log,
  resume: () => Promise<void>,
): { stop(): Promise<void> } {
  const start = (what: string, round: () => Promise<unknown>) =>
    runEvery(EVERY_MS, async () => {
      try {
        await within(GIVE_UP_MS, what, round());
      } catch (error) {
        log.error({ err: error }, `${what} failed; the next try is in 5 s`);
      }
    });
  const started = [
    start('reconciling', () => reconcile(deps, log)),
    start('resuming sends and backfills', resume),
  ];
  return {
    async stop() {
      await Promise.all(started.map((each) => each.stop()));
    },
  };
}
