import { alarmsUpTo, unscheduledAccounts } from '../db/rows/lanes.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { scheduleAccountWakes } from '../wake/schedule-account.ts';
import { wakeLane } from '../wake/wake-lane.ts';
import { within } from '../within.ts';

const EVERY_MS = 5_000;
/** Alarms this near are put into the queue again; it knows most of them already. */
const NEAR_MS = 10_000;
/** A lane overdue by this has lost its alarm, or its worker: it is woken here, without the queue. */
const OVERDUE_MS = 5_000;
/** A statement whose connection broke may never answer; the next round must not wait for it. */
const GIVE_UP_MS = 60_000;
const AT_ONCE = 1_000;
const ACCOUNTS_AT_ONCE = 100;

/**
 * Makes up for whatever the queue lost, once: changes of rules that reached no lane, alarms that are near, lanes
 * that are overdue. Returns how many lanes it woke itself.
 */
export async function reconcile(deps: ServiceDeps, log: Log): Promise<number> {
  if (!deps.clock.isTrusted()) return 0;
  for (const accountId of await unscheduledAccounts(deps.db.sql, ACCOUNTS_AT_ONCE))
    await deps.afterCommit(scheduleAccountWakes(deps, accountId));

  const now = deps.clock.now().getTime();
  const alarms = await alarmsUpTo(deps.db.sql, new Date(now + NEAR_MS), AT_ONCE);
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
 * Reconciles every 5 s, in this process and not in the queue: a queue that is wiped loses its schedules too. `also` is
 * done as often, by itself: a provider that hangs holds up no lane.
 */
export function startReconciler(
  deps: ServiceDeps,
  log: Log,
  also: () => Promise<void>,
): { stop(): Promise<void> } {
  const rounds = [
    startRounds(log, 'reconciling', async () => void (await reconcile(deps, log))),
    startRounds(log, 'sending what is owed', also),
  ];
  return {
    async stop() {
      await Promise.all(rounds.map((each) => each.stop()));
    },
  };
}

/** Does something every 5 s, never twice at a time. */
function startRounds(log: Log, what: string, round: () => Promise<void>): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = once().finally(() => {
      busy = false;
    });
  }, EVERY_MS);

  async function once(): Promise<void> {
    try {
      await within(GIVE_UP_MS, what, round());
    } catch (error) {
      log.error({ err: error }, `${what} failed; it is tried again in 5 s`);
    }
  }

  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
