import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Alarm } from '../db/lanes.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import { wakeLane } from '../lifecycle/wake.ts';
import type { Log } from '../log.ts';
import { within } from './backend.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A statement whose connection broke may never answer; it must not keep a worker's place for ever. */
const GIVE_UP_MS = 30_000;

/** One alarm of a lane. It is never moved or cancelled: one whose time is not its lane's any more does nothing. */
export const laneWake = defineJob({
  name: 'lane-wake',
  schema: z.object({ accountId: z.uuid(), laneId: z.uuid(), wakeAtMs: z.int() }),
});

/** Puts alarms into the queue. A queue that is down is logged and left to the reconciler. */
export async function armLanes(
  queues: Queues,
  clock: Clock,
  log: Log,
  alarms: readonly Alarm[],
): Promise<void> {
  if (alarms.length === 0) return;
  const now = clock.now().getTime();
  const entries = alarms.map(({ accountId, laneId, wakeAt }) => ({
    payload: { accountId, laneId, wakeAtMs: wakeAt.getTime() },
    id: `${laneId}-${wakeAt.getTime()}`,
    delayMs: wakeAt.getTime() - now,
  }));
  try {
    const [only] = entries;
    if (entries.length === 1 && only) await queues.add(laneWake, only.payload, only);
    else await queues.addMany(laneWake, entries);
  } catch (error) {
    log.warn({ err: error, alarms: alarms.length }, 'the queue did not take alarms; the reconciler will');
  }
}

/** Wakes the lane of an alarm. An error is logged by the queue's side and left to the reconciler. */
export const implementLaneWake = (deps: LifecycleDeps) =>
  implementJob(laneWake, async ({ accountId, laneId, wakeAtMs }, { log }) => {
    const waking = wakeLane(deps, { accountId, laneId, wakeAt: new Date(wakeAtMs) });
    const report = await within(GIVE_UP_MS, 'a wake', waking);
    log.debug({ laneId, report }, 'lane woken');
  });
