import type { Sql } from 'postgres';
import type { Batch } from './batch.ts';
import { CLOCK_COLUMNS } from './batch.ts';

/**
 * Takes the first conversation a batch would act on out of its lane, with an event that says so; the lane
 * goes on without it, and the next activity puts it back. Returns its id; null if somebody holds it.
 */
export async function setAside(
  sql: Sql,
  { lane, timer, lower, cutoff, now, passedTags }: Batch,
): Promise<string | null> {
  const { column, condition } = CLOCK_COLUMNS[timer.clock];
  return await sql.begin(async (tx) => {
    const [row] = await tx.unsafe(
      `select id from conversation where account_id = $1 and lane_id = $2 and ${column} <= $3 and ${column} >= $4 ${condition}
         and not (tags && $5::text[])
       order by ${column} limit 1 for no key update skip locked`,
      [lane.accountId, lane.id, cutoff, lower, passedTags as string[]],
    );
    if (!row) return null;
    await tx`
      with aside as (
        update conversation set lane_id = null, revision = 1 + greatest(revision, (
          select max(revision) from event where account_id = ${lane.accountId} and conversation_id = ${row.id}
        )) where account_id = ${lane.accountId} and id = ${row.id}
        returning id, revision, channel_id, status, awaiting
      )
      insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, status, awaiting)
      select ${lane.accountId}, id, revision, 'SET_ASIDE', ${now}, ${now}, 'SYSTEM', channel_id, ${timer.kind}, status, awaiting from aside`;
    return row.id as string;
  });
}
