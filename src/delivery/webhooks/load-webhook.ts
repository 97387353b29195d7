import type { Sql } from 'postgres';
import type { ClaimedEffect } from '../../db/rows/outbox.ts';
import type { WebhookPayload } from '../../domain/closing/owed-effects.ts';
import type { Event } from '../../domain/conversation/event.ts';

/** An endpoint with the event to send to it. The secrets are encrypted. */
export type Webhook = {
  url: string;
  secret: string;
  previousSecret: string | null;
  previousSecretUntil: Date | null;
  /** The event in the feed; null: it is no longer kept. */
  event: Pick<Event, 'effect' | 'actor' | 'data' | 'status' | 'channelId'> | null;
  /** The contact of the conversation; null: the conversation is no longer kept. */
  contactId: string | null;
};

/** Reads the webhook of an effect in one statement; null if the endpoint is disabled or gone. */
export async function readWebhook(
  sql: Sql,
  { accountId, conversationId, revision, payload }: ClaimedEffect<WebhookPayload>,
): Promise<Webhook | null> {
  const [row] = await sql.unsafe<Webhook[]>(
    `select url, secret, previous_secret as "previousSecret", previous_secret_until as "previousSecretUntil",
       (select contact_id from conversation where account_id = $1 and id = $3) as "contactId",
       (select json_build_object('effect', effect, 'actor', actor, 'data', data, 'status', status, 'channelId', channel_id)
        from event where account_id = $1 and conversation_id = $3 and revision = $4::int) as event
     from webhook_endpoint where account_id = $1 and id = $2 and disabled_at is null`,
    [accountId, payload.endpointId, conversationId, revision],
    { prepare: true },
  );
  return row ?? null;
}
