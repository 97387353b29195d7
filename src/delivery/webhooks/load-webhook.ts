import type { Sql } from 'postgres';
import type { Event } from '../../domain/conversation/event.ts';

/** Everything that sending an event to an endpoint needs. The secrets are encrypted. */
export type Sending = {
  url: string;
  secret: string;
  previousSecret: string | null;
  previousSecretUntil: Date | null;
  /** The event of the feed; null: it is no longer kept. */
  event: Pick<Event, 'kind' | 'effect' | 'timer' | 'actor' | 'data' | 'status' | 'channelId'> | null;
  /** The one before it. */
  before: Pick<Event, 'kind' | 'effect' | 'timer' | 'actor' | 'data'> | null;
  /** Whose conversation it is; null: that is no longer kept. */
  contactId: string | null;
};

/** Reads all of that in one go; null where the endpoint is disabled or gone. */
export async function readSending(
  sql: Sql,
  accountId: string,
  { endpointId, conversationId, revision }: EffectKey,
): Promise<Sending | null> {
  const [row] = await sql.unsafe<(Omit<Sending, 'event' | 'before'> & { events: FeedRow[] | null })[]>(
    `select url, secret, previous_secret as "previousSecret", previous_secret_until as "previousSecretUntil",
       (select contact_id from conversation where account_id = $1 and id = $3) as "contactId",
       (select json_agg(json_build_object('revision', revision, 'kind', kind, 'effect', effect, 'timer', timer, 'actor', actor,
          'data', data, 'status', status, 'channelId', channel_id))
        from event where account_id = $1 and conversation_id = $3 and revision in ($4::int, $4::int - 1)) as events
     from webhook_endpoint where account_id = $1 and id = $2 and disabled_at is null`,
    [accountId, endpointId, conversationId, revision],
    { prepare: true },
  );
  if (!row) return null;
  const { events, ...rest } = row;
  const at = (wanted: number) => events?.find((event) => event.revision === wanted) ?? null;
  return { ...rest, event: at(revision), before: at(revision - 1) };
}

type EffectKey = { endpointId: string | null; conversationId: string; revision: number };
type FeedRow = NonNullable<Sending['event']> & { revision: number };
