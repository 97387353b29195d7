import type { AdapterContext, DeliverResult, OutboundMessage } from '../adapters/adapter.ts';
import type { Registry } from '../adapters/registry.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import { beginOutbox, type ClaimedEffect, finishOutbox, insertOutbox } from '../db/outbox.ts';
import type { Closing } from '../domain/closing.ts';
import type { Part } from '../domain/event.ts';
import { type Delivery, recordDeliveries } from '../lifecycle/deliveries.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import { closingNow, isWindowOpen, readSituation, type Situation } from './closing-now.ts';
import type { CarryOut, EffectResult } from './relay-outbox.ts';
import type { SendLimit } from './send-limit.ts';

/** What sending to customers needs. */
export type DeliverDeps = Pick<LifecycleDeps, 'db' | 'clock' | 'rules' | 'newId' | 'tell' | 'relay'> & {
  registry: Registry;
  settings: SettingsStore;
  limit: SendLimit;
};

const ANSWER_WITHIN_MS = 15_000;
/** How long after the close message the survey goes out, so that it comes second. */
const SURVEY_AFTER_MS = 1_000;
/** The text of a warning. */
const WARNING = 'Are you still there? This conversation will close soon.';
/** The call never reached anybody: it may be made again on any channel. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH']);

/**
 * Shows a customer what is owed: a warning (PE-2), or what they see at an end (LL-14). Consent and reply window are
 * looked at again each time, and what became of every part is written in the feed. What may have been taken already is
 * sent again only where the channel takes a message of one id once.
 */
export function deliverMessage(deps: DeliverDeps): CarryOut {
  return async (effect) => {
    const situation = await readSituation(deps, effect);
    if (situation === null) return { state: 'DROPPED', error: 'the contact is gone' };
    if ('reminder' in effect.payload) return await warn(deps, effect, situation);
    const endedAt = String(effect.payload.closing);
    const { conversation } = situation;
    if (conversation.ending?.at.toISOString() !== endedAt)
      return { state: 'DROPPED', error: 'the conversation has gone on since' };
    const closing = closingNow(deps, situation);
    if ('part' in effect.payload)
      return await showPart(deps, effect, situation, effect.payload.part as Part, closing);
    return await plan(deps, effect, closing);
  };
}

/** A warning that has been answered, or whose conversation has ended, meanwhile is dropped (PE-2). */
async function warn(deps: DeliverDeps, effect: ClaimedEffect, situation: Situation): Promise<EffectResult> {
  const { conversation, contact } = situation;
  if (conversation.ending !== null || conversation.revision !== effect.revision)
    return { state: 'DROPPED', error: 'the conversation has gone on since' };
  const why =
    contact.consent === 'OPTED_OUT'
      ? 'the customer has opted out'
      : isWindowOpen(deps, situation)
        ? null
        : 'the reply window is closed';
  if (why !== null) return await finish(deps, effect, 'DROPPED', why, skipped('WARNING', why));
  return await send(deps, effect, situation, 'WARNING', { kind: 'WARNING', text: WARNING });
}

/** Owes each part that is to be shown, and notes why the others are not; all at once, so that no part is owed twice. */
async function plan(deps: DeliverDeps, effect: ClaimedEffect, closing: Closing): Promise<EffectResult> {
  const now = deps.clock.now();
  const { id: _id, accountId, kind, conversationId, revision, channelId, endpointId, payload } = effect;
  const owed = (part: Part) => ({
    ...{ id: deps.newId(), kind, conversationId, revision, channelId, endpointId },
    payload: { ...payload, part },
  });
  const shown = partsOf(closing);
  const first = shown.filter((part) => part !== 'SURVEY').map(owed);
  const second = shown.filter((part) => part === 'SURVEY').map(owed);
  const { reasons } = closing;
  const notShown = [
    ...(closing.survey ? [] : [skipped('SURVEY', reasons.survey)]),
    ...(closing.closeMessage !== null || closing.template !== null
      ? []
      : [skipped('CLOSE_MESSAGE', reasons.closeMessage)]),
    ...(closing.separator ? [] : [skipped('SEPARATOR', reasons.separator)]),
  ];
  const done = await deps.db.sql.begin(async (sql) => {
    if (!(await finishOutbox(sql, effect, { state: 'SENT', dueAt: now, now, error: null }))) return false;
    await recordDeliveries(sql, accountId, conversationId, notShown, now);
    if (first.length > 0) await insertOutbox(sql, accountId, first, now);
    const later = new Date(now.getTime() + (first.length > 0 ? SURVEY_AFTER_MS : 0));
    if (second.length > 0) await insertOutbox(sql, accountId, second, later);
    return true;
  });
  if (done) await deps.tell({ accountId, conversationIds: [conversationId] });
  if (done && shown.length > 0) await deps.relay();
  return { state: 'WRITTEN' };
}

function partsOf(closing: Closing): Part[] {
  return [
    ...(closing.separator ? (['SEPARATOR'] as const) : []),
    ...(closing.closeMessage !== null ? (['CLOSE_MESSAGE'] as const) : []),
    ...(closing.template !== null ? (['TEMPLATE'] as const) : []),
    ...(closing.survey ? (['SURVEY'] as const) : []),
  ];
}

async function showPart(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  situation: Situation,
  part: Part,
  closing: Closing,
): Promise<EffectResult> {
  if (!partsOf(closing).includes(part)) {
    const why = part === 'SURVEY' ? closing.reasons.survey : closing.reasons.closeMessage;
    return await finish(deps, effect, 'DROPPED', why, skipped(part, why));
  }
  if (part === 'CLOSE_MESSAGE' && closing.closeMessage !== null)
    return await send(deps, effect, situation, part, { kind: part, text: closing.closeMessage });
  if (part === 'TEMPLATE' && closing.template !== null) {
    const { locale } = situation.contact;
    return await send(deps, effect, situation, part, { kind: part, template: closing.template, locale });
  }
  return await send(deps, effect, situation, part, { kind: part as 'SURVEY' | 'SEPARATOR' });
}

type Shown =
  | { kind: 'WARNING' | 'CLOSE_MESSAGE'; text: string }
  | { kind: 'TEMPLATE'; template: string; locale: string | null }
  | { kind: 'SURVEY' | 'SEPARATOR' };

async function send(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  { conversation, contact, channel, adapterRules }: Situation,
  part: Part,
  shown: Shown,
): Promise<EffectResult> {
  const unconfirmed = (reason: string) =>
    finish(deps, effect, 'UNCONFIRMED', reason, { part, outcome: 'UNCONFIRMED', reason, messageId: null });
  if (effect.begunAt !== null && !adapterRules.idempotentSends)
    return await unconfirmed('an attempt was cut off, and nobody knows how far it came');
  const waitMs = await deps.limit(effect.channelId);
  if (waitMs > 0) return { state: 'LATER', afterMs: waitMs };

  const message = { ...shown, id: effect.id, conversationId: conversation.id, address: contact.address };
  const context: AdapterContext<Situation['channel']['settings']> = {
    settings: channel.settings,
    fetch,
    now: () => deps.clock.now(),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  };
  await beginOutbox(deps.db.sql, effect, deps.clock.now());
  let result: DeliverResult;
  try {
    result = await deps.registry.get(channel.adapterId).deliver(message as OutboundMessage, context);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (adapterRules.idempotentSends || wasNotSent(error))
      return { state: 'RETRY', error: why, afterMs: null };
    return await unconfirmed(`no answer: ${why}`);
  }
  if (result.outcome === 'RETRY')
    return { state: 'RETRY', error: 'the channel asked to be tried again', afterMs: result.afterMs };
  const { reason, messageId } =
    result.outcome === 'ACCEPTED'
      ? { reason: null, messageId: result.providerMessageId }
      : { reason: result.reason, messageId: null };
  const outcome = result.outcome === 'ACCEPTED' ? 'SENT' : 'REFUSED';
  const state = result.outcome === 'ACCEPTED' ? 'SENT' : 'DEAD';
  return await finish(deps, effect, state, reason, { part, outcome, reason, messageId });
}

function wasNotSent(error: unknown): boolean {
  const { code } = ((error as { cause?: unknown })?.cause ?? error ?? {}) as { code?: unknown };
  return NOT_SENT.has(String(code));
}

function skipped(part: Part, reason: string): Delivery {
  return { part, outcome: 'SKIPPED', reason, messageId: null };
}

/** Writes what became of an effect, in the outbox and in the feed at once. */
async function finish(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  state: 'SENT' | 'DEAD' | 'DROPPED' | 'UNCONFIRMED',
  error: string | null,
  delivery: Delivery,
): Promise<EffectResult> {
  const { accountId, conversationId } = effect;
  const now = deps.clock.now();
  await deps.db.sql.begin(async (sql) => {
    if (await finishOutbox(sql, effect, { state, dueAt: now, now, error: error?.slice(0, 500) ?? null }))
      await recordDeliveries(sql, accountId, conversationId, [delivery], now);
  });
  await deps.tell({ accountId, conversationIds: [conversationId] });
  return { state: 'WRITTEN' };
}
