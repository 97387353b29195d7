import { standardHeaders } from '../adapters/signature.ts';
import type { Vault } from '../adapters/vault.ts';
import {
  type Breaker,
  noteFailure,
  noteSuccess,
  putOffDue,
  readSending,
  type Sending,
  takeProbe,
} from '../db/breaker.ts';
import type { ClaimedEffect } from '../db/outbox.ts';
import { insertDelivery } from '../db/webhook-deliveries.ts';
import type { RulesDeps } from '../lifecycle/change-rules.ts';
import { disableUnwanted } from '../lifecycle/endpoints.ts';
import { TEST_EVENT } from '../lifecycle/webhooks-owed.ts';
import { NoAnswerError } from '../outgoing/guarded-request.ts';
import { type Answer, type PostOptions, post } from './post.ts';
import type { CarryOut, EffectResult } from './relay-outbox.ts';
import { webhookBody } from './webhook-body.ts';

/** What sending webhooks needs. */
export type WebhookDeps = RulesDeps & {
  vault: Pick<Vault, 'open'>;
  /** Whether webhooks may go to private addresses, and by http. */
  allowPrivateWebhooks: boolean;
} & Partial<Pick<PostOptions, 'resolve' | 'withinMs'>>;

const ANSWER_WITHIN_MS = 15_000;
/** An endpoint that fails so often in a row is held back. */
const BREAKER: Breaker = { afterFailures: 10, firstMs: 60_000, longestMs: 30 * 60_000 };
/** Longer than an attempt takes: whoever was to find out whether the endpoint is back is gone. */
const PROBE_MS = 30_000;
/** What is held back for so long is given up; what is not is tried for about as long. */
const GIVE_UP_MS = 48 * 60 * 60_000;
/** Events that are put off together while their endpoint is held back. */
const PUT_OFF_AT_ONCE = 1_000;
/** An endpoint that asks for a later attempt is given no more than this. */
const LONGEST_RETRY_AFTER_MS = 6 * 60 * 60_000;

/**
 * Sends an event to an endpoint, signed by Standard Webhooks with every secret that holds, under the same id at every
 * attempt. What came of it goes into the endpoint's log. After failures in a row the endpoint is held back, in every
 * worker: its events wait without that being attempts, until one of them gets through.
 */
export function sendWebhook(deps: WebhookDeps): CarryOut {
  return async (effect) => {
    const { accountId, endpointId } = effect;
    const sending = await readSending(deps.db.sql, accountId, effect);
    if (endpointId === null || sending === null)
      return { state: 'DROPPED', error: 'the endpoint is disabled or gone' };
    const body = webhookBody(effect, sending);
    if (body === null) return { state: 'DROPPED', error: 'the conversation is no longer kept' };
    const turn = await takeTurn(deps, effect, endpointId, sending);
    if ('wait' in turn) return turn.wait;
    return await attempt(deps, effect, endpointId, sending, body, turn.probeUntil);
  };
}

type Turn = { wait: EffectResult } | { probeUntil: Date | null };

/** Whether it may be sent now. What somebody has asked for by hand goes at once, the first time. */
async function takeTurn(
  { db, clock }: WebhookDeps,
  { accountId, payload, attempts }: ClaimedEffect,
  endpointId: string,
  { heldBackUntil, owedSince }: Sending,
): Promise<Turn> {
  const redeliveredAt = payload.redeliveredAt === undefined ? null : new Date(String(payload.redeliveredAt));
  const isAskedFor = payload.type === TEST_EVENT || (redeliveredAt !== null && attempts === 1);
  if (heldBackUntil === null || isAskedFor) return { probeUntil: null };
  const now = clock.now();
  const probeUntil = new Date(now.getTime() + PROBE_MS);
  if (heldBackUntil <= now && (await takeProbe(db.sql, accountId, endpointId, now, probeUntil)))
    return { probeUntil };
  if (now.getTime() - (redeliveredAt ?? owedSince).getTime() > GIVE_UP_MS)
    return { wait: { state: 'DEAD', error: 'the endpoint has been held back for too long' } };
  const until = heldBackUntil <= now ? probeUntil : heldBackUntil;
  const giveUpBefore = new Date(now.getTime() - GIVE_UP_MS);
  const others = { now, until, owedSince: giveUpBefore, limit: PUT_OFF_AT_ONCE };
  await putOffDue(db.sql, accountId, endpointId, others);
  return { wait: { state: 'LATER', afterMs: until.getTime() - now.getTime() } };
}

async function attempt(
  deps: WebhookDeps,
  effect: ClaimedEffect,
  endpointId: string,
  sending: Sending,
  body: string,
  probeUntil: Date | null,
): Promise<EffectResult> {
  const { db, clock } = deps;
  const { accountId, id: eventId } = effect;
  const at = clock.now();
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Lull',
    ...signed(deps.vault, sending, eventId, at, body),
  };
  const answer = await post(sending.url, headers, body, {
    allowPrivate: deps.allowPrivateWebhooks,
    withinMs: deps.withinMs ?? ANSWER_WITHIN_MS,
    ...(deps.resolve ? { resolve: deps.resolve } : {}),
  }).catch((error: unknown) => {
    if (error instanceof NoAnswerError) return error;
    throw error;
  });
  const now = clock.now();
  const error = errorOf(answer);
  const status = answer instanceof NoAnswerError ? null : answer.status;
  const type = String(effect.payload.type);
  const tookMs = Math.max(0, now.getTime() - at.getTime());
  const id = deps.newId();
  await insertDelivery(db.sql, accountId, { id, endpointId, eventId, type, at, tookMs, status, error });
  if (error === null) {
    await noteSuccess(db.sql, accountId, endpointId);
    return { state: 'SENT' };
  }
  if (status === 410) {
    await disableUnwanted(deps, accountId, endpointId);
    return { state: 'DEAD', error };
  }
  // A test asks how the endpoint is; it is not to be what makes it held back.
  if (type === TEST_EVENT) return { state: 'DROPPED', error };
  await noteFailure(db.sql, accountId, endpointId, BREAKER, { now, probeUntil });
  return { state: 'RETRY', error, afterMs: retryAfterMs(answer, now) };
}

/** Signs with the secret, and with the one before it for as long as that holds: receivers take either. */
function signed(
  { open }: Pick<Vault, 'open'>,
  { secret, previousSecret, previousSecretUntil }: Sending,
  eventId: string,
  at: Date,
  body: string,
): Record<string, string> {
  const holds = previousSecret !== null && previousSecretUntil !== null && at < previousSecretUntil;
  const all = [secret, ...(holds ? [previousSecret] : [])].map((sealed) =>
    standardHeaders(open(sealed), eventId, at, body),
  );
  return { ...all[0], 'webhook-signature': all.map((each) => each['webhook-signature']).join(' ') };
}

/** Why an answer counts as failed; null: it does not. */
function errorOf(answer: Answer | NoAnswerError): string | null {
  if (answer instanceof NoAnswerError) return answer.message;
  if (answer.status >= 200 && answer.status < 300) return null;
  if (answer.status === 410) return 'answered 410: it wants no more';
  return `answered ${answer.status}`;
}

/** When the endpoint wants the next attempt, as `Retry-After` has it: in seconds or as a date. Null: it does not say. */
function retryAfterMs(answer: Answer | NoAnswerError, now: Date): number | null {
  const asked = answer instanceof NoAnswerError ? null : answer.retryAfter;
  if (asked === null) return null;
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - now.getTime();
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}
