import { standardHeaders } from '../../adapters/shared/signature.ts';
import type { Vault } from '../../adapters/vault.ts';
import type { ClaimedEffect } from '../../db/rows/outbox.ts';
import type { WebhookPayload } from '../../domain/closing/owed-effects.ts';
import { retryAfterMs } from '../../domain/time/retry-after.ts';
import type { Causing, EngineDeps } from '../../engine.ts';
import { NoAnswerError } from '../../outgoing/guarded-request.ts';
import type { CarryOut, EffectResult } from '../effect-result.ts';
import { insertDelivery } from './delivery-log.ts';
import { readWebhook, type Webhook } from './load-webhook.ts';
import { type Answer, type PostOptions, post } from './post.ts';
import { TEST_EVENT } from './redeliver.ts';
import { webhookBody } from './webhook-body.ts';

/** The dependencies of sending webhooks. */
export type WebhookDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId'> & {
  /** Disables an endpoint that answered 410. */
  disableEndpoint: (accountId: string, endpointId: string) => Promise<Causing<void>>;
  vault: Pick<Vault, 'open'>;
  /** Allows private addresses and http. */
  allowPrivateWebhooks: boolean;
} & Partial<Pick<PostOptions, 'resolve' | 'withinMs'>>;

const ANSWER_WITHIN_MS = 15_000;
/** The limit of the delay that an endpoint asks for. */
const MAX_RETRY_AFTER_MS = 6 * 60 * 60_000;

/**
 * Sends an event to an endpoint, signed by Standard Webhooks with every valid secret, under the same id at every attempt.
 * Each attempt is logged.
 */
export function sendWebhook(deps: WebhookDeps): CarryOut<WebhookPayload> {
  return async (effect, passage) => {
    const webhook = await readWebhook(deps.db.sql, effect);
    if (webhook === null) return { state: 'DROPPED', error: 'the endpoint is disabled or gone' };
    const body = webhookBody(effect, webhook);
    if (body === null) return { state: 'DROPPED', error: 'the conversation is no longer kept' };
    if (passage?.isOverdue) return { state: 'DEAD', error: 'the endpoint has been held back for too long' };
    return await attempt(deps, effect, webhook, body);
  };
}

async function attempt(
  deps: WebhookDeps,
  effect: ClaimedEffect<WebhookPayload>,
  webhook: Webhook,
  body: string,
): Promise<EffectResult> {
  const { db, clock, resolve, allowPrivateWebhooks: allowPrivate, withinMs = ANSWER_WITHIN_MS } = deps;
  const { accountId, id: eventId, payload } = effect;
  const { endpointId, type } = payload;
  const at = clock.now();
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Lull',
    ...signatures(validSecrets(deps.vault, webhook, at), { eventId, at, body }),
  };
  const options = { allowPrivate, withinMs, ...(resolve ? { resolve } : {}) };
  const answer = await post(webhook.url, headers, body, options).catch((error: unknown) => {
    if (error instanceof NoAnswerError) return error;
    throw error;
  });
  const now = clock.now();
  const error = errorOf(answer);
  const status = answer instanceof NoAnswerError ? null : answer.status;
  const tookMs = Math.max(0, now.getTime() - at.getTime());
  const id = deps.newId();
  await insertDelivery(db.sql, accountId, { id, endpointId, eventId, type, at, tookMs, status, error });
  if (error === null) return { state: 'SENT', health: { kind: 'ANSWERED' } };
  if (status === 410) {
    const { caused } = await deps.disableEndpoint(accountId, endpointId);
    return { state: 'DEAD', error, health: { kind: 'ANSWERED' }, caused };
  }
  // A test has one attempt, and must not open the circuit breaker.
  if (type === TEST_EVENT) return { state: 'DROPPED', error };
  const afterMs = requestedDelayMs(answer, now);
  return { state: 'RETRY', error, afterMs, health: { kind: 'FAILED', why: error } };
}

/** The secret, and the previous one until it expires: receivers accept either. */
function validSecrets({ open }: Pick<Vault, 'open'>, webhook: Webhook, at: Date): string[] {
  const { secret, previousSecret, previousSecretUntil } = webhook;
  const isValid = previousSecret !== null && previousSecretUntil !== null && at < previousSecretUntil;
  return [secret, ...(isValid ? [previousSecret] : [])].map(open);
}

function signatures(
  secrets: readonly string[],
  { eventId, at, body }: { eventId: string; at: Date; body: string },
): Record<string, string> {
  const all = secrets.map((secret) => standardHeaders(secret, eventId, at, body));
  return { ...all[0], 'webhook-signature': all.map((each) => each['webhook-signature']).join(' ') };
}

/** Why an answer counts as failed; null: it does not. */
function errorOf(answer: Answer | NoAnswerError): string | null {
  if (answer instanceof NoAnswerError) return answer.message;
  if (answer.status >= 200 && answer.status < 300) return null;
  if (answer.status === 410) return 'answered 410: it wants no more';
  return `answered ${answer.status}`;
}

/** The delay that the endpoint asks for, capped; null: it asks for none. */
function requestedDelayMs(answer: Answer | NoAnswerError, now: Date): number | null {
  const ms = answer instanceof NoAnswerError ? null : retryAfterMs(answer.retryAfter, now);
  return ms === null ? null : Math.min(ms, MAX_RETRY_AFTER_MS);
}
