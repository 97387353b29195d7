import type { DeliverResult, OutboundMessage } from '../adapters/adapter.ts';
import { contextFor } from '../adapters/context.ts';
import type { Registry } from '../adapters/registry.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import { beginOutbox, type ClaimedEffect, finishOutbox, insertOutbox } from '../db/rows/outbox.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Closing } from '../domain/closing/closing.ts';
import type { OutboxRow } from '../domain/closing/owed-effects.ts';
import type { Part } from '../domain/conversation/event.ts';
import type { EngineDeps } from '../engine.ts';
import type { FetchWithin } from '../outgoing/guarded-fetch.ts';
import { NoAnswerError } from '../outgoing/guarded-request.ts';
import { closingNow, readSituation, type Situation, whyNoWarning } from './closing-now.ts';
import {
  type CarryOut,
  type EffectResult,
  type Health,
  MOST_ATTEMPTS,
  type Passage,
} from './effect-result.ts';
import { type Delivery, recordDeliveries } from './record-delivery.ts';
import type { SendLimit } from './send-limit.ts';
import { withoutAddress } from './without-address.ts';

/** What sending to customers needs. */
export type DeliverDeps = Pick<EngineDeps, 'db' | 'clock' | 'rules' | 'newId' | 'identifierHash'> & {
  registry: Registry;
  settings: SettingsStore;
  limit: SendLimit;
  /** The guarded way out that adapters get. */
  fetchWithin: FetchWithin;
  /** For how long an answer is waited for; absent: 15 s. */
  withinMs?: number;
};

const ANSWER_WITHIN_MS = 15_000;
/** How long after the close message the survey goes out, so that it comes second. */
const SURVEY_AFTER_MS = 1_000;
/** The text of a warning. */
const WARNING = 'Are you still there? This conversation will close soon.';
/** What became of a message is worth some tries: once lost, it has to pass for unknown. */
const WRITING_TRIES = 3;
const GONE_ON = 'the conversation has gone on since';
const TOO_LONG = 'the channel has not answered for too long';
const CUT_OFF = 'an attempt was cut off, and nobody knows how far it came';
/** How deep in an adapter's error the one of the guarded client is looked for. */
const DEEPEST_CAUSE = 5;

/**
 * Shows a customer what is owed: a warning (PE-2), or what they see at an end (LL-14). Consent and reply window are
 * looked at again each time, and what became of every part is written in the feed. What may have been taken already is
 * sent again only where the channel takes a message of one id once.
 */
export function deliverMessage(deps: DeliverDeps): CarryOut {
  return async (effect, passage = { isOverdue: false }) => {
    const situation = await readSituation(deps, effect);
    if (situation === null) return { state: 'DROPPED', error: 'the contact is gone' };
    if ('reminder' in effect.payload) return await warn(deps, effect, situation, passage);
    const part = (effect.payload.part ?? null) as Part | null;
    if (situation.conversation.ending?.at.toISOString() !== effect.payload.closing) {
      if (part === null) return { state: 'DROPPED', error: GONE_ON };
      return await finish(deps, effect, 'DROPPED', GONE_ON, skipped(part, GONE_ON));
    }
    const closing = closingNow(deps, situation);
    if (part === null) return await plan(deps, effect, closing);
    return await showPart(deps, effect, { situation, closing, passage }, part);
  };
}

/** A warning that has been answered, or whose conversation has ended, meanwhile is dropped (PE-2). */
async function warn(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  situation: Situation,
  passage: Passage,
): Promise<EffectResult> {
  const why = whyNoWarning(deps, situation, Number(effect.payload.reminder));
  if (why !== null) return await finish(deps, effect, 'DROPPED', why, skipped('WARNING', why));
  return await send(deps, effect, { situation, passage }, { kind: 'WARNING', text: WARNING });
}

/**
 * Owes each part that is to be shown, and notes why the others are not; all at once, so that no part is owed twice. A survey
 * that comes with a goodbye is owed once that is settled.
 */
async function plan(deps: DeliverDeps, effect: ClaimedEffect, closing: Closing): Promise<EffectResult> {
  const now = deps.clock.now();
  const { accountId, conversationId } = effect;
  const shown = partsOf(closing);
  const hasGoodbye = shown.some(isGoodbye);
  const owed = shown
    .filter((part) => part !== 'SURVEY' || !hasGoodbye)
    .map((part) =>
      owedBy(deps, effect, isGoodbye(part) && closing.survey ? { part, next: 'SURVEY' } : { part }),
    );
  const { reasons } = closing;
  const notShown = [
    ...(closing.survey ? [] : [skipped('SURVEY', reasons.survey)]),
    ...(closing.closeMessage !== null || closing.template !== null
      ? []
      : [skipped('CLOSE_MESSAGE', reasons.closeMessage)]),
    ...(closing.separator ? [] : [skipped('SEPARATOR', reasons.separator)]),
  ];
  const done = await inTransaction(deps.db.sql, async (sql) => {
    if (!(await finishOutbox(sql, effect, { state: 'SENT', dueAt: now, now, error: null }))) return false;
    await recordDeliveries(deps, sql, { accountId, conversationId, now }, notShown);
    if (owed.length > 0) await insertOutbox(sql, accountId, owed, now);
    return true;
  });
  if (!done) return { state: 'WRITTEN' };
  const changed = { accountId, conversationIds: [conversationId] };
  return { state: 'WRITTEN', caused: { changed, owes: owed.length > 0 } };
}

/** Something more that is owed at the end that an effect is of. */
function owedBy(
  { newId }: Pick<DeliverDeps, 'newId'>,
  { kind, conversationId, revision, channelId, endpointId, payload }: ClaimedEffect,
  what: { part: Part; next?: Part },
): OutboxRow {
  const { closing } = payload;
  return {
    id: newId(),
    kind,
    conversationId,
    revision,
    channelId,
    endpointId,
    payload: { closing, ...what },
  };
}

/** The close message and the template that stands in for it: which of them it is, the reply window decides (PE-4). */
function isGoodbye(part: Part): boolean {
  return part === 'CLOSE_MESSAGE' || part === 'TEMPLATE';
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
  { situation, closing, passage }: { situation: Situation; closing: Closing; passage: Passage },
  owed: Part,
): Promise<EffectResult> {
  const part = partsOf(closing).find((each) => each === owed || (isGoodbye(each) && isGoodbye(owed)));
  if (part === undefined) {
    const { survey, separator, closeMessage } = closing.reasons;
    const why = owed === 'SURVEY' ? survey : owed === 'SEPARATOR' ? separator : closeMessage;
    return await finish(deps, effect, 'DROPPED', why, skipped(owed, why));
  }
  const as = { situation, passage };
  if (part === 'CLOSE_MESSAGE' && closing.closeMessage !== null)
    return await send(deps, effect, as, { kind: part, text: closing.closeMessage });
  if (part === 'TEMPLATE' && closing.template !== null) {
    const { locale } = situation.contact;
    return await send(deps, effect, as, { kind: part, template: closing.template, locale });
  }
  return await send(deps, effect, as, { kind: part as 'SURVEY' | 'SEPARATOR' });
}

type Shown =
  | { kind: 'WARNING' | 'CLOSE_MESSAGE'; text: string }
  | { kind: 'TEMPLATE'; template: string; locale: string | null }
  | { kind: 'SURVEY' | 'SEPARATOR' };

async function send(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  { situation, passage }: { situation: Situation; passage: Passage },
  shown: Shown,
): Promise<EffectResult> {
  const { conversation, contact, channel, adapterRules } = situation;
  const part: Part = shown.kind;
  const unconfirmed = (reason: string) =>
    finish(deps, effect, 'UNCONFIRMED', reason, { part, outcome: 'UNCONFIRMED', reason, messageId: null });
  const refused = (reason: string) =>
    finish(deps, effect, 'DEAD', reason, { part, outcome: 'REFUSED', reason, messageId: null });
  if (effect.begunAt !== null && !adapterRules.idempotentSends) return await unconfirmed(CUT_OFF);
  if (passage.isOverdue) return await refused(TOO_LONG);
  const waitMs = await deps.limit(effect.channelId);
  if (waitMs > 0) return { state: 'LATER', afterMs: waitMs };

  const message = { ...shown, id: effect.id, conversationId: conversation.id, address: contact.address };
  if (!(await beginOutbox(deps.db.sql, effect, deps.clock.now()))) return { state: 'WRITTEN' };
  const hasTries = effect.attempts < MOST_ATTEMPTS;
  const givenUp = (why: string) => `given up after ${effect.attempts} attempts: ${why}`;
  let result: DeliverResult;
  const { fetchWithin } = deps;
  const context = contextFor(
    { fetchWithin, now: () => deps.clock.now() },
    channel.settings,
    deps.withinMs ?? ANSWER_WITHIN_MS,
  );
  try {
    result = await deps.registry.get(channel.adapterId).deliver(message as OutboundMessage, context);
  } catch (error) {
    const why = withoutAddress(whyOf(error), contact.address);
    const health: Health = { kind: 'FAILED', why };
    const isUnknown = !wasNotSent(error);
    if (isUnknown && !adapterRules.idempotentSends)
      return { ...(await unconfirmed(`no answer: ${why}`)), health };
    if (hasTries) return { state: 'RETRY', error: why, afterMs: null, health };
    return { ...(await (isUnknown ? unconfirmed(givenUp(why)) : refused(givenUp(why)))), health };
  }
  const health = healthOf(result);
  if (result.outcome === 'REJECTED')
    return { ...(await refused(withoutAddress(result.reason, contact.address))), health };
  if (result.outcome === 'RETRY') {
    const why = 'the channel asked to be tried again';
    if (hasTries) return { state: 'RETRY', error: why, afterMs: result.afterMs, health };
    return { ...(await refused(givenUp(why))), health };
  }
  const { providerMessageId: messageId } = result;
  const taken = await finish(deps, effect, 'SENT', null, { part, outcome: 'SENT', reason: null, messageId });
  return { ...taken, health };
}

/** What an answer says of the channel: one that refuses a message, or takes no more just now, is well. */
function healthOf(result: DeliverResult): Health {
  if (result.outcome !== 'RETRY') return { kind: 'ANSWERED' };
  if (result.isLimited) return { kind: 'BUSY', forMs: result.afterMs };
  return { kind: 'FAILED', why: 'it answered that it cannot take messages just now' };
}

/** What the guarded client said, however an adapter has wrapped it; null: the error is not of a request. */
function noAnswerIn(error: unknown): NoAnswerError | null {
  let inner = error;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth++) {
    if (inner instanceof NoAnswerError) return inner;
    inner = (inner as { cause?: unknown } | null | undefined)?.cause;
  }
  return null;
}

/** The call never reached anybody: it may be made again on any channel. */
function wasNotSent(error: unknown): boolean {
  return noAnswerIn(error)?.wasSent === false;
}

/** Why there was no answer, for admins: a URL in it could hold a password. */
function whyOf(error: unknown): string {
  const noAnswer = noAnswerIn(error);
  const text =
    noAnswer?.systemCode ?? noAnswer?.message ?? (error instanceof Error ? error.message : String(error));
  return text.replace(/\w+:\/\/\S+/g, 'a URL');
}

function skipped(part: Part, reason: string): Delivery {
  return { part, outcome: 'SKIPPED', reason, messageId: null };
}

/** Writes what became of an effect, in the outbox and in the feed at once, and owes what comes after it. */
async function finish(
  deps: DeliverDeps,
  effect: ClaimedEffect,
  state: 'SENT' | 'DEAD' | 'DROPPED' | 'UNCONFIRMED',
  error: string | null,
  delivery: Delivery,
): Promise<EffectResult> {
  // What may have been shown already must not count as skipped.
  if (state === 'DROPPED' && effect.begunAt !== null) {
    const unknown: Delivery = { ...delivery, outcome: 'UNCONFIRMED', reason: CUT_OFF };
    return await finish(deps, effect, 'UNCONFIRMED', CUT_OFF, unknown);
  }
  const { accountId, conversationId } = effect;
  const next = (effect.payload.next ?? null) as Part | null;
  const goesOn = state === 'SENT' || state === 'DROPPED';
  // What was given up may be tried again by hand, and then the rest comes after it.
  const left = next !== null && !goesOn ? [skipped(next, 'what comes before it was not sent')] : [];
  const now = deps.clock.now();
  const write = () =>
    inTransaction(deps.db.sql, async (sql) => {
      const result = { state, dueAt: now, now, error: error?.slice(0, 500) ?? null };
      if (!(await finishOutbox(sql, effect, result))) return;
      await recordDeliveries(deps, sql, { accountId, conversationId, now }, [delivery, ...left]);
      if (next === null || !goesOn) return;
      const later = new Date(now.getTime() + SURVEY_AFTER_MS);
      await insertOutbox(sql, accountId, [owedBy(deps, effect, { part: next })], later);
    });
  for (let attempt = 1; ; attempt++) {
    try {
      await write();
      break;
    } catch (failure) {
      if (attempt === WRITING_TRIES) return { state: 'UNWRITTEN', error: failure };
    }
  }
  return { state: 'WRITTEN', caused: { changed: { accountId, conversationIds: [conversationId] } } };
}
