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

/** A statement whose connection broke may never answer; it must not keep a worker's place for ever. */
const GIVE_UP_MS = 30_000;
/** Wakes of one account that a worker runs while another's may be waiting: one less than it runs at a time. */
const OF_AN_ACCOUNT = 3;
/** Who arms more lanes than this at once, as a change of rules does, gives way with all of them. */
const MANY = 16;

/**
 * One alarm of a lane. It is never moved; one whose time is not its lane's any more does nothing. `insteadMs`: the
 * later alarm that it came before. `gaveWay`: it has let others go first, and now runs.
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

/** Puts alarms into the queue. If the queue is down, the reconciler wakes the lanes. */
export function scheduleWakes(queues: Queues, clock: Clock, log: Log, alarms: readonly Alarm[]): Infallible {
  const message = 'the queue did not take alarms; the reconciler wakes their lanes';
  return infallible(log, message, () => enqueue(queues, clock.now().getTime(), alarms), {
    alarms: alarms.length,
  });
}

async function enqueue(queues: Queues, nowMs: number, alarms: readonly Alarm[]): Promise<void> {
  const entries = alarms.map(({ accountId, laneId, wakeAt, instead }) => {
    const givesWay = alarms.length > MANY && wakeAt.getTime() <= nowMs;
    const payload = { accountId, laneId, wakeAtMs: wakeAt.getTime() };
    return {
      payload: {
        ...payload,
        ...(instead && { insteadMs: instead.getTime() }),
        ...(givesWay && { gaveWay: true }),
      },
      id: idOf(laneId, wakeAt.getTime()),
      delayMs: wakeAt.getTime() - nowMs,
      givesWay,
    };
  });
  const [only] = entries;
  if (entries.length === 1 && only) await queues.add(laneWake, only.payload, only);
  else if (entries.length > 0) await queues.addMany(laneWake, entries);
}

/**
 * Wakes the lane of an alarm. An error is logged by the queue's side and left to the reconciler. A wake of an account
 * that has its share running here goes to the end of the queue, so that many lanes of one account, due at once, do not
 * keep another's waiting.
 */
export const implementLaneWake = (deps: ServiceDeps, queues: Queues) => {
  const running = new Map<string, number>();
  return implementJob(laneWake, async (alarm, { id, log }) => {
    const { accountId, laneId, wakeAtMs } = alarm;
    const others = running.get(accountId) ?? 0;
    if (others >= OF_AN_ACCOUNT && !alarm.gaveWay) {
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
 * An alarm that this one came before would lie in the queue for all of its delay, unless the lane has gone back to it.
 * Should it go back only later, the reconciler arms it when it is near.
 */
async function removeReplaced(queues: Queues, { laneId, insteadMs }: Payload, report: WakeReport) {
  if (insteadMs === undefined || report.kind === 'clock not trusted') return;
  if (report.kind === 'woken' && report.alarm?.wakeAt.getTime() === insteadMs) return;
  await queues.remove(laneWake, idOf(laneId, insteadMs));
}

function idOf(laneId: string, wakeAtMs: number): string {
  return `${laneId}-${wakeAtMs}`;
}
