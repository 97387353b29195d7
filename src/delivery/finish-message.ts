import { type ClaimedEffect, finishOutbox, insertOutbox } from '../db/rows/outbox.ts';
import { inTransaction } from '../db/transaction.ts';
import type { MessagePayload, OutboxRow } from '../domain/closing/owed-effects.ts';
import type { Part } from '../domain/conversation/event.ts';
import type { EngineDeps } from '../engine.ts';
import type { EffectResult } from './effect-result.ts';
import { partRow } from './plan-closing.ts';
import { type Delivery, recordDeliveries } from './record-delivery.ts';

/** The final result of showing a part. `messageId` is the provider's; null if it gave none. */
type FinalResult = { part: Part } & (
  | { state: 'SENT'; messageId: string | null }
  | { state: 'DEAD' | 'DROPPED' | 'UNCONFIRMED'; reason: string }
);

export type FinishDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'identifierHash'>;

/** The delay between the close message and the survey, so that the survey comes second. */
const SURVEY_AFTER_MS = 1_000;
/** A lost result counts as unconfirmed, so writing it is worth several tries. */
const WRITE_TRIES = 3;
/** The reason where an attempt began and its result is unknown. */
export const CUT_OFF = 'an attempt was cut off, and nobody knows how far it came';
const OUTCOMES = { SENT: 'SENT', DEAD: 'REFUSED', DROPPED: 'SKIPPED', UNCONFIRMED: 'UNCONFIRMED' } as const;

/**
 * Writes the final result of a part to the outbox and to the feed, in one transaction. The part that comes next is owed
 * after SENT or DROPPED. Otherwise the feed records it as skipped; a retry by hand may still lead to it.
 */
export async function finishMessage(
  deps: FinishDeps,
  effect: ClaimedEffect<MessagePayload>,
  final: FinalResult,
): Promise<EffectResult> {
  // A part that may have been shown must not count as skipped.
  if (final.state === 'DROPPED' && effect.begunAt !== null)
    return await finishMessage(deps, effect, { ...final, state: 'UNCONFIRMED', reason: CUT_OFF });
  for (let attempt = 1; ; attempt++) {
    try {
      await write(deps, effect, final);
      const { accountId, conversationId } = effect;
      return { state: 'WRITTEN', caused: { changed: { accountId, conversationIds: [conversationId] } } };
    } catch (error) {
      if (attempt === WRITE_TRIES) return { state: 'UNWRITTEN', error };
    }
  }
}

async function write(deps: FinishDeps, effect: ClaimedEffect<MessagePayload>, final: FinalResult) {
  const { accountId, conversationId, payload } = effect;
  const { state } = final;
  const now = deps.clock.now();
  const deliveries = [deliveryOf(final)];
  const next: OutboxRow[] = [];
  if (payload.kind === 'PART' && payload.next !== undefined) {
    const { closing, next: part } = payload;
    if (state === 'SENT' || state === 'DROPPED') next.push(partRow(deps, effect, { closing, part }));
    else deliveries.push(deliveryOf({ state: 'DROPPED', part, reason: 'what comes before it was not sent' }));
  }
  await inTransaction(deps.db.sql, async (sql) => {
    const error = final.state === 'SENT' ? null : final.reason.slice(0, 500);
    if (!(await finishOutbox(sql, effect, { state, dueAt: now, now, error }))) return;
    await recordDeliveries(deps, sql, { accountId, conversationId, now }, deliveries);
    if (next.length > 0) await insertOutbox(sql, accountId, next, new Date(now.getTime() + SURVEY_AFTER_MS));
  });
}

function deliveryOf(final: FinalResult): Delivery {
  const { part, state } = final;
  const isSent = state === 'SENT';
  return {
    part,
    outcome: OUTCOMES[state],
    reason: isSent ? null : final.reason,
    messageId: isSent ? final.messageId : null,
  };
}
