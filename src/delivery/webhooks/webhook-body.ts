import type { ClaimedEffect } from '../../db/rows/outbox.ts';
import type { WebhookPayload } from '../../domain/closing/owed-effects.ts';
import { endOf } from '../../domain/conversation/event.ts';
import { globalId } from '../../domain/global-id.ts';
import type { Webhook } from './load-webhook.ts';
import { TEST_EVENT } from './redeliver.ts';

/**
 * The body of a webhook, as docs/webhooks.md describes it. It is built from the feed, so it is the same at every attempt.
 * Null: the conversation is no longer kept.
 */
export function webhookBody(
  { payload: { type, at }, conversationId, revision }: ClaimedEffect<WebhookPayload>,
  { event, contactId }: Webhook,
): string | null {
  if (type === TEST_EVENT) return JSON.stringify({ type, at });
  if (event === null || contactId === null) return null;
  const end = endOf(event);
  return JSON.stringify({
    type,
    at,
    conversationId: globalId('Conversation', conversationId),
    revision,
    channelId: globalId('Channel', event.channelId),
    contactId: globalId('Contact', contactId),
    status: event.status,
    reason: end?.reason ?? null,
    endedBy: end?.by ?? null,
  });
}
