import type { Sql } from 'postgres';

/** An active pause of automatic ends, of one channel or of the whole account (LL-15). */
export type PauseRow = { id: string; channelId: string | null; since: Date };

/** An account's active pauses, the oldest first. */
export async function readPauses(sql: Sql, accountId: string): Promise<PauseRow[]> {
  const rows = await sql`
    select id, channel_id, since from outage
    where account_id = ${accountId} and kind = 'PAUSE' and until is null order by since, id`;
  return rows.map((row) => ({ id: row.id, channelId: row.channel_id, since: row.since }));
}
