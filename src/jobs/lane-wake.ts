import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Alarm } from '../db/rows/lanes.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { type WakeReport, wakeLane } from '../wake/wake-lane.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';
import { within } from './store/store.ts';

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

/** Puts alarms into the queue. A queue that is down is logged and left to the reconciler. */
export async function scheduleWakes(
  queues: Queues,
  clock: Clock,
  log: Log,
  alarms: readonly Alarm[],
): Promise<void> {
  if (alarms.length === 0) return;
  const now = clock.now().getTime();
  const entries = alarms.map(({ accountId, laneId, wakeAt, instead }) => {
    const givesWay = alarms.length > MANY && wakeAt.getTime() <= now;
    const payload = { accountId, laneId, wakeAtMs: wakeAt.getTime() };
    return {
      payload: {
        ...payload,
        ...(instead && { insteadMs: instead.getTime() }),
        ...(givesWay && { gaveWay: true }),
      },
      id: idOf(laneId, wakeAt.getTime()),
      delayMs: wakeAt.getTime() - now,
      givesWay,
    };
  });
  try {
    const [only] = entries;
    if (entries.length === 1 && only) await queues.add(laneWake, only.payload, only);
    else await queues.addMany(laneWake, entries);
  } catch (error) {
    log.warn({ err: error, alarms: alarms.length }, 'the queue did not take alarms; the reconciler will');
  }
}

/**
 * Wakes the lane of an alarm. An error is logged by the queue's side and left to the reconciler. A wake of an account
 * that has its share running here goes to the end of the queue, so that many lanes of one account, due at once, do not
 * keep another's waiting.
 */
export const implementLaneWake = (deps: EngineDeps, queues: Queues) => {
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
      const waking = wakeLane(deps, { accountId, laneId, wakeAt: new Date(wakeAtMs) });
      const report = await within(GIVE_UP_MS, 'a wake', waking);
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
