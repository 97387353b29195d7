import { z } from 'zod';
import { type Infallible, infallible } from '../after-commit.ts';
import type { Clock } from '../clock.ts';
import type { Alarm } from '../db/rows/lanes.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { type WakeReport, wakeLane } from '../wake/wake-lane.ts';
import { within } from '../within.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A statement on a broken connection may never answer; it must not occupy a worker for ever. */
const GIVE_UP_MS = 30_000;
/** The wakes of one account that a worker runs while other accounts wait: one less than its concurrency. */
const MAX_WAKES_OF_ACCOUNT = 3;
/** More alarms at once, as after a change of rules, give way to others. */
const MANY_ALARMS = 16;

/**
 * One alarm of a lane. A stale alarm, whose time is not its lane's `wake_at`, does nothing. `insteadMs`: the later alarm that
 * it replaces. `gaveWay`: it has given way once, and now runs.
 */
export const laneWake = defineJob({
  name: 'lane-wake',
  schema: z.object({
    accountId: z.uuid(),
    laneId: z.uuid(),
    wakeAtMs: z.int(),
    insteadMs: z.int().optional(),
    gaveWay: z.boolean().optional(),
  }),
});
type Payload = z.output<typeof laneWake.schema>;

/** Enqueues alarms. If the queue is down, the reconciler wakes the lanes. */
export function scheduleWakes(queues: Queues, clock: Clock, log: Log, alarms: readonly Alarm[]): Infallible {
  const message = 'the queue did not take alarms; the reconciler wakes their lanes';
  return infallible(log, message, () => enqueue(queues, clock.now().getTime(), alarms), {
    alarms: alarms.length,
  });
}

async function enqueue(queues: Queues, nowMs: number, alarms: readonly Alarm[]): Promise<void> {
  const entries = alarms.map(({ accountId, laneId, wakeAt, instead }) => {
    const wakeAtMs = wakeAt.getTime();
    const givesWay = alarms.length > MANY_ALARMS && wakeAtMs <= nowMs;
    const payload: Payload = {
      ...{ accountId, laneId, wakeAtMs },
      ...(instead && { insteadMs: instead.getTime() }),
      ...(givesWay && { gaveWay: true }),
    };
    return { payload, id: idOf(laneId, wakeAtMs), delayMs: wakeAtMs - nowMs, givesWay };
  });
  const [only] = entries;
  if (entries.length === 1 && only) await queues.add(laneWake, only.payload, only);
  else if (entries.length > 0) await queues.addMany(laneWake, entries);
}

/**
 * Wakes the lane of an alarm. If this worker runs the maximum number of wakes of the account, the alarm moves to the end of
 * the queue once, so that many due lanes of one account do not delay another's. Errors are left to the reconciler.
 */
export const implementLaneWake = (deps: ServiceDeps, queues: Queues) => {
  const running = new Map<string, number>();
  return implementJob(laneWake, async (alarm, { id, log }) => {
    const { accountId, laneId, wakeAtMs } = alarm;
    const others = running.get(accountId) ?? 0;
    if (others >= MAX_WAKES_OF_ACCOUNT && !alarm.gaveWay) {
      const later = { ...alarm, gaveWay: true };
      await queues.add(laneWake, later, { id: `${id}-later`, delayMs: 0, givesWay: true });
      return;
    }
    running.set(accountId, others + 1);
    try {
      const waking = deps.afterCommit(wakeLane(deps, { accountId, laneId, wakeAt: new Date(wakeAtMs) }));
      const report = await within(GIVE_UP_MS, 'a wake', waking);
      if (report.kind === 'failed') throw report.error;
      log.debug({ laneId, report }, 'lane woken');
      await removeReplaced(queues, alarm, report);
    } finally {
      const left = (running.get(accountId) ?? 1) - 1;
      if (left > 0) running.set(accountId, left);
      else running.delete(accountId);
    }
  });
};

/**
 * Removes the alarm that this one replaced, unless the lane has returned to it; it would stay in the queue for its whole
 * delay. If the lane returns to it later, the reconciler arms it when it is near.
 */
async function removeReplaced(queues: Queues, { laneId, insteadMs }: Payload, report: WakeReport) {
  if (insteadMs === undefined || report.kind === 'clock not trusted') return;
  if (report.kind === 'woken' && report.alarm?.wakeAt.getTime() === insteadMs) return;
  await queues.remove(laneWake, idOf(laneId, insteadMs));
}

function idOf(laneId: string, wakeAtMs: number): string {
  return `${laneId}-${wakeAtMs}`;
}
