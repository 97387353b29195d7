import type { Sql } from 'postgres';
import type { Event } from '../../domain/conversation/event.ts';

/** Everything that sending an event to an endpoint needs. The secrets are encrypted. */
export type Sending = {
  url: string;
  secret: string;
  previousSecret: string | null;
  previousSecretUntil: Date | null;
  /** The event of the feed; null: it is no longer kept. */
  event: Pick<Event, 'effect' | 'actor' | 'data' | 'status' | 'channelId'> | null;
  /** Whose conversation it is; null: that is no longer kept. */
  contactId: string | null;
};

/** Reads all of that in one go; null where the endpoint is disabled or gone. */
export async function readSending(
  sql: Sql,
  accountId: string,
  { endpointId, conversationId, revision }: EffectKey,
): Promise<Sending | null> {
  const [row] = await sql.unsafe<Sending[]>(
    `select url, secret, previous_secret as "previousSecret", previous_secret_until as "previousSecretUntil",
       (select contact_id from conversation where account_id = $1 and id = $3) as "contactId",
       (select json_build_object('effect', effect, 'actor', actor, 'data', data, 'status', status, 'channelId', channel_id)
        from event where account_id = $1 and conversation_id = $3 and revision = $4::int) as event
     from webhook_endpoint where account_id = $1 and id = $2 and disabled_at is null`,
    [accountId, endpointId, conversationId, revision],
    { prepare: true },
  );
  return row ?? null;
}

type EffectKey = { endpointId: string | null; conversationId: string; revision: number };
