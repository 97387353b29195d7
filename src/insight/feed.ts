import type { Sql } from 'postgres';
import { withinBounds } from '../db/rows/bounded.ts';
import { boundedEvents, eventOfRow } from '../db/rows/events.ts';
import type { Event } from '../domain/conversation/event.ts';
import { NIL } from '../domain/uuid.ts';

/**
 * A place in an account's feed. `xid`, 64 bits wide and a text for that, numbers the transaction that wrote the
 * event; the other two put in order what one transaction wrote.
 */
export type FeedPosition = { xid: string; conversationId: string; revision: number };
/** An event with its place. */
export type PlacedEvent = Event & { position: FeedPosition };

/**
 * The first events of an account after a place, in order of commit. It reads only what was written by
 * transactions older than every one still running: a number may be taken early and committed late, and whoever
 * has read past such a number would never see what comes in there. So nothing is skipped, and nothing comes twice;
 * a long transaction on the server holds the feed up as long as it lasts.
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

/** The end of every feed as of now: after all that `readFeed` would give, before all that is still to come. */
export async function endOfFeed(sql: Sql): Promise<FeedPosition> {
  const [row] = await sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`;
  return { xid: row?.xid, conversationId: NIL, revision: 0 };
}

/** An event, and the status before it; null for the first one. */
export type Step = Event & { statusBefore: string | null };

/** Events of a conversation that are looked through, the newest, for what set its clocks. */
const LOOKED_THROUGH = 1_000;

/**
 * The events of conversations that can have set one of their clocks to where it stands: those of that instant, and
 * holds and timers, which set clocks to instants of their own. In the order of the conversations, then of revision. Of each
 * conversation the newest thousand are looked through: what came before those is not told.
 */
export async function readSteps(
  sql: Sql,
  accountId: string,
  asked: readonly { conversationId: string; instants: readonly Date[] }[],
): Promise<Step[][]> {
  const pairs = asked.flatMap(({ conversationId, instants }) =>
    instants.map((instant) => [conversationId, instant.toISOString()] as const),
  );
  const rows = await sql.unsafe(
    `select step.* from (
       select newest.*, lag(newest.status) over (partition by newest.conversation_id order by newest.revision) as status_before
       from unnest($2::uuid[]) as asked (conversation_id)
       cross join lateral (
         select * from event where event.account_id = $1 and event.conversation_id = asked.conversation_id
         order by event.revision desc limit ${LOOKED_THROUGH}
       ) as newest
     ) as step
     where kind in ('TIMER', 'HOLD') or exists (
       select 1 from unnest($3::uuid[], $4::text[]) as wanted (conversation_id, instant)
       where wanted.conversation_id = step.conversation_id
         and (step.at = wanted.instant::timestamptz or step.recorded_at = wanted.instant::timestamptz))
     order by conversation_id, revision`,
    [
      accountId,
      [...new Set(asked.map(({ conversationId }) => conversationId))],
      pairs.map(([id]) => id),
      pairs.map(([, instant]) => instant),
    ],
    { prepare: true },
  );
  const steps = rows.map((row) => ({ ...eventOfRow(row), statusBefore: row.status_before as string | null }));
  return asked.map(({ conversationId }) => steps.filter((step) => step.conversationId === conversationId));
}
