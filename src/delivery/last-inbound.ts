import type { Sql } from 'postgres';

/** The number of newest events of a conversation that are searched. */
const MAX_SEARCHED = 1_000;

/**
 * When the customer last wrote in each conversation or in the one before it. A conversation is left out if the customer
 * never wrote, or if a thousand events have followed.
 */
export async function readLastInbound(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<{ id: string; at: Date }[]> {
  return await sql.unsafe<{ id: string; at: Date }[]>(
    `select conversation.id, max(inbound.at) as at from conversation
     cross join lateral unnest(array[conversation.id, conversation.previous_id]) as one (id)
     cross join lateral (
       select at from (
         select at, kind, revision from event where event.account_id = $1 and event.conversation_id = one.id
         order by revision desc limit ${MAX_SEARCHED}
       ) as newest
       where kind = 'INBOUND' order by revision desc limit 1
     ) as inbound
     where conversation.account_id = $1 and conversation.id = any($2::uuid[])
     group by conversation.id`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}
