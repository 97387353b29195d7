import { standardHeaders } from '../adapters/signature.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import type { CarryOut } from './relay-outbox.ts';

const ANSWER_WITHIN_MS = 15_000;

/** Posts an event to a subscriber, signed by Standard Webhooks, with the same id at every attempt. */
export function sendWebhook(deps: Pick<LifecycleDeps, 'db' | 'clock'>): CarryOut {
  return async ({ accountId, id, endpointId, conversationId, revision, payload }) => {
    const [endpoint] = await deps.db.sql`
      select url, secret from webhook_endpoint
      where account_id = ${accountId} and id = ${endpointId} and disabled_at is null`;
    if (!endpoint) return { state: 'DROPPED', error: 'the endpoint is gone' };
    const body = JSON.stringify({ ...payload, conversationId, revision });
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...standardHeaders(endpoint.secret, id, deps.clock.now(), body),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await response.body?.cancel();
    if (response.ok) return { state: 'SENT' };
    if (response.status === 410) return { state: 'DEAD', error: 'answered 410: it wants no more' };
    return { state: 'RETRY', error: `answered ${response.status}`, afterMs: null };
  };
}
