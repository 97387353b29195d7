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

const EVERY_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
const AT_ONCE = 1_000;
/** Effects that are done are kept this long for whoever asks what was sent. */
const FINISHED_EFFECTS_MS = 30 * 24 * 60 * 60_000;
/** The same call under the same idempotency key is answered alike for this long. */
const ANSWERS_MS = 24 * 60 * 60_000;
/** The log of webhooks is kept this long: no longer than the effects that its attempts were of. */
const DELIVERIES_MS = FINISHED_EFFECTS_MS;

/** What a pass removed. `identifiers`: hashes of what was erased; absent: none. */
export type Removed = {
  effects: number;
  answers: number;
  identifiers?: number;
  deliveries: number;
  conversations: number;
};

/**
 * Removes what is older than it has to be kept: effects done for 30 days, attempts at webhooks of 30 days, idempotency keys
 * of a day, hashes of what was erased 30 days ago, and, where `keepEnded` is set,
 * conversations that ended longer ago than that, with their feed. In short transactions; open ones never.
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
      if (removed < AT_ONCE) return total;
    }
  };
  const effects = await all(() => deleteFinishedEffects(deps.db.sql, before(FINISHED_EFFECTS_MS), AT_ONCE));
  const answers = await all(() => deleteOldAnswers(deps.db.sql, before(ANSWERS_MS), AT_ONCE));
  const erasedBefore = before(REMEMBER_ERASED_DAYS * DAY_MS);
  const identifiers =
    (await all(() => deleteOldErased(deps.db.sql, erasedBefore, AT_ONCE))) +
    (await all(() => forgetErasures(deps.db.sql, erasedBefore, AT_ONCE)));
  let deliveries = 0;
  const loggedBefore = before(DELIVERIES_MS);
  for (const endpoint of await endpointsWithOldDeliveries(deps.db.sql, loggedBefore))
    deliveries += await all(() => deleteOldDeliveries(deps.db.sql, endpoint, loggedBefore, AT_ONCE));
  await deleteClearedEndpoints(deps.db.sql);
  const removed = { effects, answers, deliveries, ...(identifiers > 0 ? { identifiers } : {}) };
  if (keepEnded === null) return { ...removed, conversations: 0 };
  const endedBefore = before(toMilliseconds(keepEnded));
  let conversations = 0;
  for (const accountId of await allAccounts(deps.db.sql))
    conversations += await all(() => deleteEndedConversations(deps.db.sql, accountId, endedBefore, AT_ONCE));
  return { ...removed, conversations };
}

/** Runs it every hour. */
export function startRetention(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  keepEnded: Temporal.Duration | null,
  log: Log,
): { stop(): void } {
  const timer = setInterval(() => {
    retain(deps, keepEnded).then(
      (removed) => log.info({ removed }, 'retention'),
      (error: unknown) => log.error({ err: error }, 'retention failed; it is tried again in an hour'),
    );
  }, EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
