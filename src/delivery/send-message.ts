import type { DeliverResult, MessageContent } from '../adapters/adapter.ts';
import { contextFor } from '../adapters/context.ts';
import type { Registry } from '../adapters/registry.ts';
import { beginOutbox, type ClaimedEffect } from '../db/rows/outbox.ts';
import type { MessagePayload } from '../domain/closing/owed-effects.ts';
import type { Part } from '../domain/conversation/event.ts';
import type { FetchWithin } from '../outgoing/guarded-fetch.ts';
import { NoAnswerError } from '../outgoing/guarded-request.ts';
import type { Situation } from './closing-now.ts';
import { type EffectResult, type Health, MAX_ATTEMPTS, type Passage } from './effect-result.ts';
import { CUT_OFF, type FinishDeps, finishMessage } from './finish-message.ts';
import type { SendLimit } from './send-limit.ts';
import { withoutAddress } from './without-address.ts';

/** The dependencies of `sendMessage`. */
export type SendDeps = FinishDeps & {
  registry: Registry;
  limit: SendLimit;
  /** The guarded `fetch` of adapters. */
  fetchWithin: FetchWithin;
  /** The timeout of an attempt; absent: 15 s. */
  withinMs?: number;
};

const ANSWER_WITHIN_MS = 15_000;
const TOO_LONG = 'the channel has not answered for too long';
/** How deep the error of the guarded client may be wrapped in an adapter's error. */
const MAX_CAUSES = 5;

/** The result of an attempt. NO_ANSWER: the call failed, and the message may have arrived or not. */
type Attempt = DeliverResult | { outcome: 'NO_ANSWER'; why: string; mayHaveArrived: boolean };

/**
 * Sends a message to a customer, and writes its result. Where an earlier attempt may have reached the channel, the
 * message is sent again only if the channel accepts each message id once; otherwise it ends as UNCONFIRMED.
 */
export async function sendMessage(
  deps: SendDeps,
  effect: ClaimedEffect<MessagePayload>,
  { situation, passage }: { situation: Situation; passage: Passage },
  content: MessageContent,
): Promise<EffectResult> {
  const { idempotentSends } = situation.adapterRules;
  const part = content.kind;
  if (effect.begunAt !== null && !idempotentSends)
    return await finishMessage(deps, effect, { state: 'UNCONFIRMED', part, reason: CUT_OFF });
  if (passage.isOverdue) return await finishMessage(deps, effect, { state: 'DEAD', part, reason: TOO_LONG });
  const waitMs = await deps.limit(effect.channelId);
  if (waitMs > 0) return { state: 'LATER', afterMs: waitMs };
  if (!(await beginOutbox(deps.db.sql, effect, deps.clock.now()))) return { state: 'WRITTEN' };

  const attempt = await deliver(deps, effect.id, situation, content);
  const result = await resultOf(deps, effect, attempt, { part, idempotentSends });
  return { ...result, health: healthOf(attempt) };
}

async function deliver(
  { registry, fetchWithin, clock, withinMs = ANSWER_WITHIN_MS }: SendDeps,
  id: string,
  { conversation, contact, channel }: Situation,
  content: MessageContent,
): Promise<Attempt> {
  const { address } = contact;
  const context = contextFor({ fetchWithin, now: () => clock.now() }, channel.settings, withinMs);
  const message = { ...content, id, conversationId: conversation.id, address };
  try {
    const result = await registry.get(channel.adapterId).deliver(message, context);
    return result.outcome === 'REJECTED'
      ? { ...result, reason: withoutAddress(result.reason, address) }
      : result;
  } catch (error) {
    const noAnswer = noAnswerIn(error);
    const text =
      noAnswer?.systemCode ?? noAnswer?.message ?? (error instanceof Error ? error.message : String(error));
    // Admins see the text, and a URL in it could contain a password.
    const why = withoutAddress(text.replace(/\w+:\/\/\S+/g, 'a URL'), address);
    return { outcome: 'NO_ANSWER', why, mayHaveArrived: noAnswer?.wasSent !== false };
  }
}

async function resultOf(
  deps: SendDeps,
  effect: ClaimedEffect<MessagePayload>,
  attempt: Attempt,
  { part, idempotentSends }: { part: Part; idempotentSends: boolean },
): Promise<EffectResult> {
  const end = (state: 'DEAD' | 'UNCONFIRMED', reason: string) =>
    finishMessage(deps, effect, { state, part, reason });
  const retryOrEnd = (state: 'DEAD' | 'UNCONFIRMED', error: string, afterMs: number | null) =>
    effect.attempts < MAX_ATTEMPTS
      ? ({ state: 'RETRY', error, afterMs } as const)
      : end(state, `given up after ${effect.attempts} attempts: ${error}`);
  switch (attempt.outcome) {
    case 'ACCEPTED':
      return await finishMessage(deps, effect, { state: 'SENT', part, messageId: attempt.providerMessageId });
    case 'REJECTED':
      return await end('DEAD', attempt.reason);
    case 'RETRY':
      return await retryOrEnd('DEAD', 'the channel asked to be tried again', attempt.afterMs);
    case 'NO_ANSWER':
      if (!attempt.mayHaveArrived) return await retryOrEnd('DEAD', attempt.why, null);
      if (!idempotentSends) return await end('UNCONFIRMED', `no answer: ${attempt.why}`);
      return await retryOrEnd('UNCONFIRMED', attempt.why, null);
    default:
      return attempt satisfies never;
  }
}

/** The health of a channel: one that refuses a message or limits the rate is healthy. */
function healthOf(attempt: Attempt): Health {
  if (attempt.outcome === 'NO_ANSWER') return { kind: 'FAILED', why: attempt.why };
  if (attempt.outcome !== 'RETRY') return { kind: 'ANSWERED' };
  if (attempt.isLimited) return { kind: 'BUSY', forMs: attempt.afterMs };
  return { kind: 'FAILED', why: 'it answered that it cannot take messages just now' };
}

/** The guarded client's error, however an adapter has wrapped it; null: another error. */
function noAnswerIn(error: unknown): NoAnswerError | null {
  let inner = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    if (inner instanceof NoAnswerError) return inner;
    inner = (inner as { cause?: unknown } | null | undefined)?.cause;
  }
  return null;
}
