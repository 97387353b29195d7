import type { Sql } from 'postgres';
import type { Event } from '../domain/event.ts';

/** Everything that sending an event to an endpoint needs. The secrets are encrypted. */
export type Sending = {
  url: string;
  secret: string;
  previousSecret: string | null;
  previousSecretUntil: Date | null;
  heldBackUntil: Date | null;
  /** Since when the event is owed. */
  owedSince: Date;
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
  { id, endpointId, conversationId, revision }: EffectKey,
): Promise<Sending | null> {
  const [row] = await sql.unsafe<(Omit<Sending, 'event' | 'before'> & { events: FeedRow[] | null })[]>(
    `select url, secret, previous_secret as "previousSecret", previous_secret_until as "previousSecretUntil",
       held_back_until as "heldBackUntil", outbox.created_at as "owedSince",
       (select contact_id from conversation where account_id = $1 and id = $4) as "contactId",
       (select json_agg(json_build_object('revision', revision, 'kind', kind, 'effect', effect, 'timer', timer, 'actor', actor,
          'data', data, 'status', status, 'channelId', channel_id))
        from event where account_id = $1 and conversation_id = $4 and revision in ($5::int, $5::int - 1)) as events
     from webhook_endpoint join outbox on outbox.account_id = webhook_endpoint.account_id and outbox.id = $2
     where webhook_endpoint.account_id = $1 and webhook_endpoint.id = $3 and disabled_at is null`,
    [accountId, id, endpointId, conversationId, revision],
    { prepare: true },
  );
  if (!row) return null;
  const { events, ...rest } = row;
  const at = (wanted: number) => events?.find((event) => event.revision === wanted) ?? null;
  return { ...rest, event: at(revision), before: at(revision - 1) };
}

type EffectKey = { id: string; endpointId: string | null; conversationId: string; revision: number };
type FeedRow = NonNullable<Sending['event']> & { revision: number };

/**
 * Takes the one attempt that finds out whether an endpoint is back, when it was held back until just now: others wait
 * until `until`, and so does the next one if nothing is ever heard of this. False where somebody else has taken it.
 */
export async function takeProbe(
  sql: Sql,
  accountId: string,
  endpointId: string,
  now: Date,
  until: Date,
): Promise<boolean> {
  const { count } = await sql`
    update webhook_endpoint set held_back_until = ${until}
    where account_id = ${accountId} and id = ${endpointId} and held_back_until <= ${now}`;
  return count === 1;
}

/**
 * Puts off what else is due to an endpoint that is held back, without anybody looking at each: so many at a time. What
 * has been owed since `owedSince` or before is left: it is to be looked at, and may be given up.
 */
export async function putOffDue(
  sql: Sql,
  accountId: string,
  endpointId: string,
  { now, until, owedSince, limit }: { now: Date; until: Date; owedSince: Date; limit: number },
): Promise<void> {
  await sql`
    update outbox set due_at = ${until} where account_id = ${accountId} and id in (
      select id from outbox
      where account_id = ${accountId} and endpoint_id = ${endpointId} and state = 'PENDING' and due_at <= ${now}
        and created_at > ${owedSince} and not payload ? 'redeliveredAt' and payload->>'type' <> 'test'
      limit ${limit} for update skip locked
    )`;
}

/** An attempt came through: the endpoint is as good as one that has never failed. */
export async function noteSuccess(sql: Sql, accountId: string, endpointId: string): Promise<void> {
  await sql`
    update webhook_endpoint set failures = 0, held_back_until = null
    where account_id = ${accountId} and id = ${endpointId} and (failures > 0 or held_back_until is not null)`;
}

/** When an endpoint is held back, and for how long: doubled with each failure after that. */
export type Breaker = { afterFailures: number; firstMs: number; longestMs: number };

/**
 * An attempt failed. One of many that were under way when the endpoint was held back already counts for nothing, but
 * `probeUntil`, the end that the failed probe itself has set, is no such hold.
 */
export async function noteFailure(
  sql: Sql,
  accountId: string,
  endpointId: string,
  { afterFailures, firstMs, longestMs }: Breaker,
  { now, probeUntil }: { now: Date; probeUntil: Date | null },
): Promise<void> {
  await sql`
    update webhook_endpoint set failures = failures + 1,
      held_back_until = case when failures + 1 >= ${afterFailures} then ${now}::timestamptz + interval '1 millisecond'
        * least(${longestMs}::float8, ${firstMs}::float8 * 2 ^ least(failures + 1 - ${afterFailures}, 30)) end
    where account_id = ${accountId} and id = ${endpointId}
      and (held_back_until is null or held_back_until <= ${now} or held_back_until = ${probeUntil})`;
}
