import type { Sql } from 'postgres';
import { withinBounds } from '../../db/rows/bounded.ts';
import { boundedEvents, eventOfRow } from '../../db/rows/events.ts';
import type { Event } from '../../domain/conversation/event.ts';

/** Part of a conversation's feed: the first `limit` events after the revision `after`. */
export type FeedRange = { conversationId: string; after: number; limit: number };

/** Returns the events of each range, in the order of the ranges. */
export async function readFeeds(
  sql: Sql,
  accountId: string,
  ranges: readonly FeedRange[],
): Promise<Event[][]> {
  const read = `select place, event.* from unnest($2::uuid[], $3::int[], $4::int[]) with ordinality as range (conversation_id, after, count, place)
     cross join lateral (
       select * from event where event.account_id = $1 and event.conversation_id = range.conversation_id and event.revision > range.after
       order by event.revision limit range.count
     ) as event`;
  const rows = await sql.unsafe(
    `${boundedEvents(read, ['place'])} order by place, revision`,
    [
      accountId,
      ranges.map((range) => range.conversationId),
      ranges.map((range) => range.after),
      ranges.map((range) => range.limit),
    ],
    { prepare: true },
  );
  const feeds: Event[][] = ranges.map(() => []);
  for (const row of withinBounds(rows)) feeds[Number(row.place) - 1]?.push(eventOfRow(row));
  return feeds;
}
