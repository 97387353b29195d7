import type { Sql, TransactionSql } from 'postgres';
import { NIL } from '../../domain/uuid.ts';
import type { ClaimedEffect } from './outbox.ts';

/**
 * The destination of an effect, in SQL: a webhook endpoint, or the channel of the customer. An effect that only decides
 * which messages to send goes nowhere, and has the account's id. The index `outbox_turn` has the same expression.
 */
const DESTINATION = `(case when endpoint_id is not null then endpoint_id
  when payload ? 'part' or payload ? 'reminder' then channel_id else account_id end)`;

/** A destination of an account. Both ids are the same for the account's own work. */
export type Destination = { accountId: string; destinationId: string };
/** A destination on the walk over all of them. */
export type Stop = Destination & { isDue: boolean };
/** Before the first destination. */
export const START: Destination = { accountId: NIL, destinationId: NIL };

/** Effects that have waited for as long are claimed although the circuit breaker is open, to be given up. */
export const GIVE_UP_MS = 48 * 60 * 60_000;

const due = (byHand: string, until: string) => `state = 'PENDING' and ${byHand} and due_at <= ${until}`;
const DISTINCT = `with recursive walk as (
    (select account_id, ${DESTINATION} as destination_id, 1 as number from outbox
     where state = 'PENDING' and (account_id, ${DESTINATION}) > ($1::uuid, $2::uuid)
     order by account_id, ${DESTINATION} limit 1)
    union all
    select next.account_id, next.destination_id, walk.number + 1 from walk cross join lateral (
      select account_id, ${DESTINATION} as destination_id from outbox
      where state = 'PENDING' and (account_id, ${DESTINATION}) > (walk.account_id, walk.destination_id)
      order by account_id, ${DESTINATION} limit 1
    ) as next where walk.number < $3::int
  )`;
const WALK = `${DISTINCT}
  select walk.account_id as "accountId", walk.destination_id as "destinationId",
    exists (select from outbox where account_id = walk.account_id and ${DESTINATION} = walk.destination_id
      and ${due('by_hand', '$4::timestamptz')})
    or exists (select from outbox where account_id = walk.account_id and ${DESTINATION} = walk.destination_id
      and ${due('not by_hand', 'case when retry_at > $4 then $5::timestamptz else $4 end')}) as "isDue"
  from walk left join circuit_breaker using (account_id, destination_id) order by number`;

/**
 * The next destinations after `after` with pending effects, ordered by id, at most `limit`. The cost depends on the number
 * of destinations, not of effects. Across accounts by design.
 */
export async function walkDestinations(
  sql: Sql,
  after: Destination,
  { now, limit }: { now: Date; limit: number },
): Promise<Stop[]> {
  const overdue = new Date(now.getTime() - GIVE_UP_MS);
  const given = [after.accountId, after.destinationId, limit, now, overdue];
  return await sql.unsafe<Stop[]>(WALK, given, { prepare: true });
}

const FIRST_DUE = `${DISTINCT}
  select min(due_at) as first from (
    select (select min(due_at) from outbox where account_id = walk.account_id and ${DESTINATION} = walk.destination_id
      and state = 'PENDING' and not by_hand) as due_at
    from walk left join circuit_breaker using (account_id, destination_id) where retry_at is null
  ) as each`;
/** The most destinations that a metric reads. */
const MOST_MEASURED = 10_000;

/** When the first effect is due, except effects requested by hand or behind an open circuit breaker. Across accounts by design. */
export async function firstDue(sql: Sql | TransactionSql): Promise<Date | null> {
  const given = [START.accountId, START.destinationId, MOST_MEASURED];
  const [row] = await sql.unsafe<{ first: Date | null }[]>(FIRST_DUE, given, { prepare: true });
  return row?.first ?? null;
}

/** A claimed effect, with the state of its destination. */
export type Turn = ClaimedEffect & {
  destinationId: string;
  createdAt: Date;
  byHand: boolean;
  /** Attempts at the destination that failed in a row. */
  failures: number;
  /** When the circuit breaker lets a probe through; null: it is closed. */
  retryAt: Date | null;
};

/** How many effects of a destination may be claimed. */
export type Places = Destination & { places: number };

const arm = (byHand: string, until: string) => `select id from (
        select id from outbox where account_id = turn.account_id and ${DESTINATION} = turn.destination_id and ${due(byHand, until)}
        order by due_at, id limit turn.places for update skip locked
      ) as arm`;
const CLAIM = `with picked as (
    select turn.account_id, turn.destination_id, taken.id, coalesce(failures, 0) as failures, retry_at
    from unnest($1::uuid[], $2::uuid[], $3::int[]) as turn (account_id, destination_id, places)
    left join circuit_breaker using (account_id, destination_id)
    cross join lateral (
      select id from (${arm('by_hand', '$4::timestamptz')} union all ${arm('not by_hand', 'case when retry_at > $4 then $5::timestamptz else $4 end')}) as either
      limit turn.places
    ) as taken
  )
  update outbox set attempts = attempts + 1, due_at = $6::timestamptz from picked
  where outbox.account_id = picked.account_id and outbox.id = picked.id
  returning outbox.account_id as "accountId", outbox.id, kind, conversation_id as "conversationId", revision,
    endpoint_id as "endpointId", channel_id as "channelId", payload, attempts, begun_at as "begunAt",
    created_at as "createdAt", by_hand as "byHand", picked.destination_id as "destinationId", failures, retry_at as "retryAt"`;

/**
 * Claims due effects, as many for each destination as it has places, the longest due first, and skips locked ones. They are
 * due again when the lease ends, so another process claims them if this one dies. Behind an open circuit breaker, only
 * effects requested by hand and those that have waited for too long are claimed.
 */
export async function claimOutbox(
  sql: Sql,
  places: readonly Places[],
  { now, leaseMs }: { now: Date; leaseMs: number },
): Promise<Turn[]> {
  const given = [
    places.map((each) => each.accountId),
    places.map((each) => each.destinationId),
    places.map((each) => each.places),
    now,
    new Date(now.getTime() - GIVE_UP_MS),
    new Date(now.getTime() + leaseMs),
  ];
  return await sql.unsafe<Turn[]>(CLAIM, given as never[], { prepare: true });
}
