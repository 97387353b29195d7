import type { Sql } from 'postgres';

/** Events of a conversation that are looked through, the newest, for when its customer last wrote. */
const LOOKED_THROUGH = 1_000;

/**
 * When the customer last wrote in conversations or in the one before each; those where never are left out, and those where
 * a thousand events have come since.
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
         order by revision desc limit ${LOOKED_THROUGH}
       ) as newest
       where kind = 'INBOUND' order by revision desc limit 1
     ) as inbound
     where conversation.account_id = $1 and conversation.id = any($2::uuid[])
     group by conversation.id`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}
