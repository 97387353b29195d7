import type { MessageContent } from '../adapters/adapter.ts';
import { type ClaimedEffect, finishOutbox, insertOutbox } from '../db/rows/outbox.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Closing } from '../domain/closing/closing.ts';
import type { MessagePayload, OutboxRow } from '../domain/closing/owed-effects.ts';
import type { Part } from '../domain/conversation/event.ts';
import type { EngineDeps } from '../engine.ts';
import type { EffectResult } from './effect-result.ts';
import { recordDeliveries } from './record-delivery.ts';

/** One step of a closing, in the order in which customers see them. `content` is null if the step is skipped; `reason` says why. */
type Step = { part: Part; content: MessageContent | null; reason: string };

/** The steps of a closing. The reply window decides whether the goodbye is the close message or its template (PE-4). */
function stepsOf(
  { separator, closeMessage, template, survey, reasons }: Closing,
  locale: string | null,
): Step[] {
  const text = closeMessage === null ? null : ({ kind: 'CLOSE_MESSAGE', text: closeMessage } as const);
  const goodbye = text ?? (template === null ? null : ({ kind: 'TEMPLATE', template, locale } as const));
  return [
    { part: 'SEPARATOR', content: separator ? { kind: 'SEPARATOR' } : null, reason: reasons.separator },
    { part: goodbye?.kind ?? 'CLOSE_MESSAGE', content: goodbye, reason: reasons.closeMessage },
    { part: 'SURVEY', content: survey ? { kind: 'SURVEY' } : null, reason: reasons.survey },
  ];
}

/** The step of a part that was planned. The goodbye may have changed between close message and template since. */
export function stepOf(closing: Closing, part: Part, locale: string | null): Step {
  const steps = stepsOf(closing, locale);
  const step = steps.find((each) => each.part === part || (isGoodbye(each.part) && isGoodbye(part)));
  return step ?? { part, content: null, reason: 'it is no part of a closing' };
}

function isGoodbye(part: Part): boolean {
  return part === 'CLOSE_MESSAGE' || part === 'TEMPLATE';
}

type PlanDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'identifierHash'>;

/**
 * Plans a closing: adds a row for each part to show, and records why the others are skipped. Everything is one
 * transaction, so no part is owed twice. A survey after a goodbye has no row yet: the goodbye owes it once it is sent.
 */
export async function planClosing(
  deps: PlanDeps,
  effect: ClaimedEffect<MessagePayload & { kind: 'CLOSING' }>,
  closing: Closing,
): Promise<EffectResult> {
  const now = deps.clock.now();
  const { accountId, conversationId, payload } = effect;
  const steps = stepsOf(closing, null);
  const shown = steps.flatMap(({ part, content }) => (content === null ? [] : [part]));
  const hasGoodbye = shown.some(isGoodbye);
  const owed = shown
    .filter((part) => part !== 'SURVEY' || !hasGoodbye)
    .map((part) =>
      partRow(deps, effect, {
        part,
        closing: payload.closing,
        ...(isGoodbye(part) && closing.survey ? { next: 'SURVEY' } : {}),
      }),
    );
  const skipped = steps
    .filter(({ content }) => content === null)
    .map(({ part, reason }) => ({ part, outcome: 'SKIPPED', reason, messageId: null }) as const);
  const isPlanned = await inTransaction(deps.db.sql, async (sql) => {
    if (!(await finishOutbox(sql, effect, { state: 'SENT', dueAt: now, now, error: null }))) return false;
    await recordDeliveries(deps, sql, { accountId, conversationId, now }, skipped);
    if (owed.length > 0) await insertOutbox(sql, accountId, owed, now);
    return true;
  });
  if (!isPlanned) return { state: 'WRITTEN' };
  const changed = { accountId, conversationIds: [conversationId] };
  return { state: 'WRITTEN', caused: { changed, owes: owed.length > 0 } };
}

/** The row of one part of the same end. */
export function partRow(
  { newId }: Pick<EngineDeps, 'newId'>,
  { conversationId, revision, channelId }: ClaimedEffect,
  part: Omit<MessagePayload & { kind: 'PART' }, 'kind'>,
): OutboxRow {
  return { id: newId(), conversationId, revision, channelId, payload: { kind: 'PART', ...part } };
}
