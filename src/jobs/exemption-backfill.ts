import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { type BackfillPlace, pendingBackfills } from '../rules/backfill-progress.ts';
import { backfillStep } from '../rules/exemption-backfill.ts';
import { within } from '../within.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A walk gives way after this long, so that no account starves another. */
const SLICE_MS = 250;
/** A statement whose connection broke may never answer; it must not keep a worker's place for ever. */
const GIVE_UP_MS = 30_000;
const AT_ONCE = 100;

/** A nudge: an account's walk after a change of exempt tags is to go on (PE-7). Where, stands in the database alone. */
export const backfillJob = defineJob({
  name: 'exemption-backfill',
  schema: z.object({ accountId: z.uuid() }),
});

type BackfillDeps = Parameters<typeof backfillStep>[0] & Pick<ServiceDeps, 'afterCommit'>;

/** Walks on until `untilMs`, or until nothing is to be done just now. Returns where to go on; null: nowhere, or somebody else does. */
async function walk(deps: BackfillDeps, accountId: string, untilMs: number): Promise<BackfillPlace | null> {
  for (;;) {
    const step = await deps.afterCommit(backfillStep(deps, accountId));
    if (step === null || step.next === null) return null;
    const now = deps.clock.now();
    if (now.getTime() >= untilMs || step.next.notBefore > now) return step.next;
  }
}

/** Nudges walks, each for where it stands: one that has gone on since is nudged by whoever went. */
async function nudge(queues: Queues, clock: Clock, log: Log, places: readonly BackfillPlace[]) {
  const now = clock.now().getTime();
  const entries = places.map(({ accountId, version, pass, afterId, notBefore }) => ({
    payload: { accountId },
    id: `${accountId}-${version}-${pass}-${afterId ?? 'start'}`,
    delayMs: notBefore.getTime() - now,
  }));
  try {
    if (entries.length > 0) await queues.addMany(backfillJob, entries);
  } catch (error) {
    log.warn(
      { err: error, walks: entries.length },
      'the queue did not take a nudge; the reconciler walks on',
    );
  }
}

/** Walks on with an account for a moment, if it is to be walked over, and nudges for the rest. */
export async function runBackfill(
  deps: BackfillDeps,
  queues: Queues,
  log: Log,
  accountId: string,
): Promise<void> {
  const next = await walk(deps, accountId, deps.clock.now().getTime() + SLICE_MS);
  if (next !== null) await nudge(queues, deps.clock, log, [next]);
}

/**
 * Makes up for nudges that got lost, for every account: walks on for a moment without the queue, the account that
 * waits for longest first, and nudges for the rest.
 */
export async function resumeBackfills(deps: ServiceDeps, queues: Queues, log: Log): Promise<void> {
  if (!deps.clock.isTrusted()) return;
  const untilMs = deps.clock.now().getTime() + SLICE_MS;
  const rest: BackfillPlace[] = [];
  for (const place of await pendingBackfills(deps.db.sql, deps.clock.now(), AT_ONCE)) {
    if (deps.clock.now().getTime() >= untilMs) {
      rest.push(place);
      continue;
    }
    try {
      const next = await walk(deps, place.accountId, untilMs);
      if (next !== null) rest.push(next);
    } catch (error) {
      log.error({ err: error, accountId: place.accountId }, 'a walk failed; it is tried again in 5 s');
    }
  }
  await nudge(queues, deps.clock, log, rest);
}

/** Walks on with an account when nudged. */
export const implementBackfill = (deps: BackfillDeps, queues: Queues) =>
  implementJob(backfillJob, async ({ accountId }, { log }) => {
    await within(GIVE_UP_MS, 'a walk', runBackfill(deps, queues, log, accountId));
  });
