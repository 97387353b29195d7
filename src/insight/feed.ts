import type { Sql } from 'postgres';
import { withinBounds } from '../db/rows/bounded.ts';
import { boundedEvents, eventOfRow } from '../db/rows/events.ts';
import type { Event } from '../domain/conversation/event.ts';
import { NIL } from '../domain/uuid.ts';

/** A position in an account's feed. `xid` is the writing transaction; the rest orders the events within it. */
export type FeedPosition = { xid: string; conversationId: string; revision: number };
/** An event with its position. */
export type PlacedEvent = Event & { position: FeedPosition };

/**
 * Returns the first events of an account after a position, in transaction order. It stops before the oldest running
 * transaction, whose events could otherwise commit behind a reader. So no event is skipped or repeated, and a long
 * transaction delays the feed.
 */
export async function readFeed(
  sql: Sql,
  accountId: string,
  after: FeedPosition | null,
  limit: number,
): Promise<PlacedEvent[]> {
  const from = after ?? { xid: '0', conversationId: NIL, revision: 0 };
  const page = `select event.*, event.xid::text as xid_text from event
     where account_id = $1 and xid < pg_snapshot_xmin(pg_current_snapshot())
       and xid >= $2::text::xid8 and (xid, conversation_id, revision) > ($2::text::xid8, $3::uuid, $4::int)
     order by xid, conversation_id, revision limit $5`;
  const rows = await sql.unsafe(
    `${boundedEvents(page, ['xid', 'xid_text'])} order by xid, conversation_id, revision`,
    [accountId, from.xid, from.conversationId, from.revision, limit],
    { prepare: true },
  );
  return withinBounds(rows).map((row) => {
    const event = eventOfRow(row);
    const { conversationId, revision } = event;
    return { ...event, position: { xid: row.xid_text, conversationId, revision } };
  });
}

/** Returns the current end of all feeds: after every event that `readFeed` returns now, before all later ones. */
export async function endOfFeed(sql: Sql): Promise<FeedPosition> {
  const [row] = await sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`;
  return { xid: row?.xid, conversationId: NIL, revision: 0 };
}

/** An event with the status before it; null for the first event. */
export type Step = Event & { statusBefore: string | null };

const MAX_STEPS_SEARCHED = 1_000;

/**
 * Returns the events that can have set a clock of each conversation: events of the given instants, holds and timers, by
 * revision. Only the newest 1,000 events of each conversation are searched.
 */
export async function readSteps(
  sql: Sql,
  accountId: string,
  conversations: readonly { conversationId: string; instants: readonly Date[] }[],
): Promise<Step[][]> {
  const pairs = conversations.flatMap(({ conversationId, instants }) =>
    instants.map((instant) => [conversationId, instant.toISOString()] as const),
  );
  const rows = await sql.unsafe(
    `select step.* from (
       select newest.*, lag(newest.status) over (partition by newest.conversation_id order by newest.revision) as status_before
       from unnest($2::uuid[]) as given (conversation_id)
       cross join lateral (
         select * from event where event.account_id = $1 and event.conversation_id = given.conversation_id
         order by event.revision desc limit ${MAX_STEPS_SEARCHED}
       ) as newest
     ) as step
     where kind in ('TIMER', 'HOLD') or exists (
       select 1 from unnest($3::uuid[], $4::text[]) as wanted (conversation_id, instant)
       where wanted.conversation_id = step.conversation_id
         and (step.at = wanted.instant::timestamptz or step.recorded_at = wanted.instant::timestamptz))
     order by conversation_id, revision`,
    [
      accountId,
      [...new Set(conversations.map(({ conversationId }) => conversationId))],
      pairs.map(([id]) => id),
      pairs.map(([, instant]) => instant),
    ],
    { prepare: true },
  );
  const steps = rows.map((row) => ({ ...eventOfRow(row), statusBefore: row.status_before as string | null }));
  return conversations.map(({ conversationId }) =>
    steps.filter((step) => step.conversationId === conversationId),
  );
}
