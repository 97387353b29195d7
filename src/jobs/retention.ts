import type { Temporal } from 'temporal-polyfill';
import { deleteOldErased, forgetErasures } from '../db/rows/erased-identifiers.ts';
import { deleteOldAnswers } from '../db/rows/idempotency-keys.ts';
import { allAccounts, deleteEndedConversations, deleteFinishedEffects } from '../db/rows/retention.ts';
import { deleteOldDeliveries, endpointsWithOldDeliveries } from '../delivery/webhooks/delivery-log.ts';
import { REMEMBER_ERASED_DAYS } from '../domain/conversation/erasure.ts';
import { toMilliseconds } from '../domain/time/duration.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { deleteClearedEndpoints } from '../rules/endpoint-rows.ts';
import { runEvery } from './run-every.ts';

const EVERY_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
const BATCH_SIZE = 1_000;
/** Finished effects are kept this long, so that admins can look them up. */
const FINISHED_EFFECTS_MS = 30 * 24 * 60 * 60_000;
/** A repeated call under the same idempotency key gets the same answer for this long. */
const ANSWERS_MS = 24 * 60 * 60_000;
/** The webhook log is kept as long as the effects of its attempts. */
const DELIVERIES_MS = FINISHED_EFFECTS_MS;

/** The numbers of removed rows. `identifiers`: hashes of erased identifiers; absent: none. */
export type Removed = {
  effects: number;
  answers: number;
  identifiers?: number;
  deliveries: number;
  conversations: number;
};

/**
 * Removes expired rows in short transactions: finished effects, webhook attempts and hashes of erased identifiers after
 * 30 days, idempotency keys after a day, and, if `keepEnded` is set, ended conversations with their feed after that time.
 */
export async function retain(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  keepEnded: Temporal.Duration | null,
): Promise<Removed> {
  const before = (ms: number) => new Date(deps.clock.now().getTime() - ms);
  const all = async (remove: () => Promise<number>) => {
    let total = 0;
    for (;;) {
      const removed = await remove();
      total += removed;
      if (removed < BATCH_SIZE) return total;
    }
  };
  const effects = await all(() =>
    deleteFinishedEffects(deps.db.sql, before(FINISHED_EFFECTS_MS), BATCH_SIZE),
  );
  const answers = await all(() => deleteOldAnswers(deps.db.sql, before(ANSWERS_MS), BATCH_SIZE));
  const erasedBefore = before(REMEMBER_ERASED_DAYS * DAY_MS);
  const identifiers =
    (await all(() => deleteOldErased(deps.db.sql, erasedBefore, BATCH_SIZE))) +
    (await all(() => forgetErasures(deps.db.sql, erasedBefore, BATCH_SIZE)));
  let deliveries = 0;
  const loggedBefore = before(DELIVERIES_MS);
  for (const endpoint of await endpointsWithOldDeliveries(deps.db.sql, loggedBefore))
    deliveries += await all(() => deleteOldDeliveries(deps.db.sql, endpoint, loggedBefore, BATCH_SIZE));
  await deleteClearedEndpoints(deps.db.sql);
  const removed = { effects, answers, deliveries, ...(identifiers > 0 ? { identifiers } : {}) };
  if (keepEnded === null) return { ...removed, conversations: 0 };
  const endedBefore = before(toMilliseconds(keepEnded));
  let conversations = 0;
  for (const accountId of await allAccounts(deps.db.sql))
    conversations += await all(() =>
      deleteEndedConversations(deps.db.sql, accountId, endedBefore, BATCH_SIZE),
    );
  return { ...removed, conversations };
}

/** Runs retention every hour. */
export function startRetention(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  keepEnded: Temporal.Duration | null,
  log: Log,
): { stop(): Promise<void> } {
  return runEvery(EVERY_MS, async () => {
    try {
      log.info({ removed: await retain(deps, keepEnded) }, 'retention');
    } catch (error) {
      log.error({ err: error }, 'retention failed; the next try is in an hour');
    }
  });
}
