import { standardHeaders } from '../../adapters/shared/signature.ts';
import type { Vault } from '../../adapters/vault.ts';
import type { ClaimedEffect } from '../../db/rows/outbox.ts';
import { retryAfterMs } from '../../domain/time/retry-after.ts';
import type { Causing, EngineDeps } from '../../engine.ts';
import { NoAnswerError } from '../../outgoing/guarded-request.ts';
import type { CarryOut, EffectResult } from '../effect-result.ts';
import { insertDelivery } from './delivery-log.ts';
import { readSending, type Sending } from './load-webhook.ts';
import { type Answer, type PostOptions, post } from './post.ts';
import { TEST_EVENT } from './redeliver.ts';
import { webhookBody } from './webhook-body.ts';

/** What sending webhooks needs. */
export type WebhookDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId'> & {
  /** Disables an endpoint that answered 410. */
  disableEndpoint: (accountId: string, endpointId: string) => Promise<Causing<void>>;
  vault: Pick<Vault, 'open'>;
  /** Whether webhooks may go to private addresses, and by http. */
  allowPrivateWebhooks: boolean;
} & Partial<Pick<PostOptions, 'resolve' | 'withinMs'>>;

const ANSWER_WITHIN_MS = 15_000;
/** An endpoint that asks for a later attempt is given no more than this. */
const LONGEST_RETRY_AFTER_MS = 6 * 60 * 60_000;

/**
 * Sends an event to an endpoint, signed by Standard Webhooks with every secret that holds, under the same id at every
 * attempt. What came of it goes into the endpoint's log.
 */
export function sendWebhook(deps: WebhookDeps): CarryOut {
  return async (effect, passage) => {
    const { accountId, endpointId } = effect;
    const sending = await readSending(deps.db.sql, accountId, effect);
    if (endpointId === null || sending === null)
      return { state: 'DROPPED', error: 'the endpoint is disabled or gone' };
    const body = webhookBody(effect, sending);
    if (body === null) return { state: 'DROPPED', error: 'the conversation is no longer kept' };
    if (passage?.isOverdue) return { state: 'DEAD', error: 'the endpoint has been held back for too long' };
    return await attempt(deps, effect, endpointId, { sending, body });
  };
}

async function attempt(
  deps: WebhookDeps,
  effect: ClaimedEffect,
  endpointId: string,
  { sending, body }: { sending: Sending; body: string },
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
  const answered = { kind: 'ANSWERED' } as const;
  if (error === null) return { state: 'SENT', health: answered };
  if (status === 410) {
    const { caused } = await deps.disableEndpoint(accountId, endpointId);
    return { state: 'DEAD', error, health: answered, caused };
  }
  // A test asks how the endpoint is; it is not to be what makes it held back.
  if (type === TEST_EVENT) return { state: 'DROPPED', error };
  return {
    state: 'RETRY',
    error,
    afterMs: requestedDelayMs(answer, now),
    health: { kind: 'FAILED', why: error },
  };
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

/** The delay that the endpoint asks for, capped; null: it asks for none. */
function requestedDelayMs(answer: Answer | NoAnswerError, now: Date): number | null {
  const ms = answer instanceof NoAnswerError ? null : retryAfterMs(answer.retryAfter, now);
  return ms === null ? null : Math.min(ms, LONGEST_RETRY_AFTER_MS);
}
