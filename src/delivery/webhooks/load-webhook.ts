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
  event: Pick<Event, 'kind' | 'effect' | 'timer' | 'actor' | 'data' | 'status' | 'channelId'> | null;
  /** The event before it. */
  before: Pick<Event, 'kind' | 'effect' | 'timer' | 'actor' | 'data'> | null;
  /** The contact of the conversation; null: the conversation is no longer kept. */
  contactId: string | null;
};
type FeedRow = NonNullable<Webhook['event']> & { revision: number };

/** Reads the webhook of an effect in one statement; null if the endpoint is disabled or gone. */
export async function readWebhook(
  sql: Sql,
  { accountId, conversationId, revision, payload }: ClaimedEffect<WebhookPayload>,
): Promise<Webhook | null> {
  const [row] = await sql.unsafe<(Omit<Webhook, 'event' | 'before'> & { events: FeedRow[] | null })[]>(
    `select url, secret, previous_secret as "previousSecret", previous_secret_until as "previousSecretUntil",
       (select contact_id from conversation where account_id = $1 and id = $3) as "contactId",
       (select json_agg(json_build_object('revision', revision, 'kind', kind, 'effect', effect, 'timer', timer, 'actor', actor,
          'data', data, 'status', status, 'channelId', channel_id))
        from event where account_id = $1 and conversation_id = $3 and revision in ($4::int, $4::int - 1)) as events
     from webhook_endpoint where account_id = $1 and id = $2 and disabled_at is null`,
    [accountId, payload.endpointId, conversationId, revision],
    { prepare: true },
  );
  if (!row) return null;
  const { events, ...rest } = row;
  const at = (wanted: number) => events?.find((event) => event.revision === wanted) ?? null;
  return { ...rest, event: at(revision), before: at(revision - 1) };
}
