import { z } from 'zod';
import { infallible } from '../after-commit.ts';
import type { Clock } from '../clock.ts';
import type { ServiceDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { type BackfillPlace, pendingBackfills } from '../rules/backfill-progress.ts';
import { backfillStep } from '../rules/exemption-backfill.ts';
import { within } from '../within.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A backfill yields after this time, so that no account starves another. */
const SLICE_MS = 250;
/** A statement on a broken connection may never answer; it must not occupy a worker for ever. */
const GIVE_UP_MS = 30_000;
const MAX_BACKFILLS = 100;

/** Continues an account's backfill after a change of exempt tags (PE-7). The database holds its place. */
export const backfillJob = defineJob({
  name: 'exemption-backfill',
  schema: z.object({ accountId: z.uuid() }),
});

type BackfillDeps = Parameters<typeof backfillStep>[0] & Pick<ServiceDeps, 'afterCommit'>;

/** Makes steps until `untilMs` or until the next step has to wait. Returns the place of the next step; null: finished, or another process works on it. */
async function runSlice(
  deps: BackfillDeps,
  accountId: string,
  untilMs: number,
): Promise<BackfillPlace | null> {
  for (;;) {
    const step = await deps.afterCommit(backfillStep(deps, accountId));
    if (step === null || step.next === null) return null;
    const now = deps.clock.now();
    if (now.getTime() >= untilMs || step.next.notBefore > now) return step.next;
  }
}

/** Enqueues the next steps. The job id names the place, so each place is enqueued once. */
async function enqueue(queues: Queues, clock: Clock, log: Log, places: readonly BackfillPlace[]) {
  const now = clock.now().getTime();
  const entries = places.map(({ accountId, version, pass, afterId, notBefore }) => ({
    payload: { accountId },
    id: `${accountId}-${version}-${pass}-${afterId ?? 'start'}`,
    delayMs: notBefore.getTime() - now,
  }));
  if (entries.length === 0) return;
  const message = 'the queue did not take backfills; the reconciler continues them';
  await infallible(log, message, () => queues.addMany(backfillJob, entries), { backfills: entries.length });
}

/** Runs a slice of an account's backfill, if it has one, and enqueues the rest. */
export async function runBackfill(
  deps: BackfillDeps,
  queues: Queues,
  log: Log,
  accountId: string,
): Promise<void> {
  const next = await runSlice(deps, accountId, deps.clock.now().getTime() + SLICE_MS);
  if (next !== null) await enqueue(queues, deps.clock, log, [next]);
}

/** Makes up for lost jobs of all accounts: runs one slice without the queue, longest waiting first, and enqueues the rest. */
export async function resumeBackfills(deps: ServiceDeps, queues: Queues, log: Log): Promise<void> {
  if (!deps.clock.isTrusted()) return;
  const untilMs = deps.clock.now().getTime() + SLICE_MS;
  const rest: BackfillPlace[] = [];
  for (const place of await pendingBackfills(deps.db.sql, deps.clock.now(), MAX_BACKFILLS)) {
    const { accountId } = place;
    try {
      const isOver = deps.clock.now().getTime() >= untilMs;
      const next = isOver ? place : await runSlice(deps, accountId, untilMs);
      if (next !== null) rest.push(next);
    } catch (error) {
      log.error({ err: error, accountId }, 'an exemption backfill failed; the next try is in 5 s');
    }
  }
  await enqueue(queues, deps.clock, log, rest);
}

export const implementBackfill = (deps: BackfillDeps, queues: Queues) =>
  implementJob(backfillJob, async ({ accountId }, { log }) => {
    await within(GIVE_UP_MS, 'a backfill', runBackfill(deps, queues, log, accountId));
  });
