import type { ClaimedEffect } from '../../db/rows/outbox.ts';
import { endOf } from '../../domain/conversation/event.ts';
import { globalId } from '../../domain/global-id.ts';
import type { Sending } from './load-webhook.ts';
import { TEST_EVENT } from './redeliver.ts';

/**
 * What an endpoint is sent of an event, as docs/webhooks.md has it: what was true then, out of the feed, so that it is the
 * same at every attempt; ids as the API has them. Null: the conversation is no longer kept.
 */
export function webhookBody(
  { payload, conversationId, revision }: Pick<ClaimedEffect, 'payload' | 'conversationId' | 'revision'>,
  { event, contactId }: Pick<Sending, 'event' | 'contactId'>,
): string | null {
  const { type, at } = payload;
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
