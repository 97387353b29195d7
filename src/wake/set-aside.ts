import type { Sql, TransactionSql } from 'postgres';
import { CLOCK_COLUMNS } from '../db/rows/conversations.ts';
import { isCausedByRow } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Batch, fireTimer } from './fire-timer.ts';

class RolledBackError extends Error {}

/**
 * Takes the first conversation of a batch out of its lane and records an event, if the timer cannot act on it. The lane continues
 * without it, and its next activity puts it back. Returns its id; null if the row is locked; FINE if the timer can act on it, because
 * the failing conversation was another one.
 */
export async function setAside(sql: Sql, batch: Batch): Promise<string | null | 'FINE'> {
  const { lane, timer, lower, cutoff, now, passedTags } = batch;
  const { column, condition } = CLOCK_COLUMNS[timer.clock];
  return await inTransaction(sql, async (tx) => {
    const [row] = await tx.unsafe(
      `select id from conversation where account_id = $1 and lane_id = $2 and ${column} <= $3 and ${column} >= $4 ${condition}
         and not (tags && $5::text[])
       order by ${column} limit 1 for no key update skip locked`,
      [lane.accountId, lane.id, cutoff, lower, passedTags as string[]],
    );
    if (!row) return null;
    if (await canBeActedOn(tx, batch, row.id)) return 'FINE';
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

/** Whether the timer can act on a conversation: tries it and rolls back. */
async function canBeActedOn(sql: TransactionSql, batch: Batch, id: string): Promise<boolean> {
  const attempt = sql.savepoint(async (tx) => {
    await fireTimer(tx, batch, id);
    throw new RolledBackError();
  });
  return await attempt.catch((error: unknown) => {
    if (!(error instanceof RolledBackError || isCausedByRow(error))) throw error;
    return error instanceof RolledBackError;
  });
}
