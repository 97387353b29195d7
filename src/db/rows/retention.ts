import type { Sql } from 'postgres';
import { inTransaction } from '../transaction.ts';

/** Deletes effects that were finished before an instant; returns how many. */
export async function deleteFinishedEffects(sql: Sql, doneBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from outbox where (account_id, id) in (
      select account_id, id from outbox where done_at < ${doneBefore} limit ${limit} for update skip locked
    )`;
  return deleted.count;
}

/** The ids of all accounts. */
export async function allAccounts(sql: Sql): Promise<string[]> {
  const rows = await sql<{ account_id: string }[]>`select account_id from account`;
  return rows.map(({ account_id }) => account_id);
}

/**
 * Deletes an account's conversations that ended before an instant, with their feed; returns how many. Ids are ordered by
 * time, so the primary key finds the oldest. The contacts are locked first, so that none reopens a conversation meanwhile.
 */
export async function deleteEndedConversations(
  sql: Sql,
  accountId: string,
  endedBefore: Date,
  limit: number,
): Promise<number> {
  return await inTransaction(sql, async (tx) => {
    const old = await tx<{ id: string; contact_id: string }[]>`
      select id, contact_id from conversation
      where account_id = ${accountId} and status = 'ENDED' and ended_at < ${endedBefore} order by id limit ${limit}`;
    if (old.length === 0) return 0;
    const contactIds = old.map((row) => row.contact_id);
    await tx`select 1 from contact where account_id = ${accountId} and id = any(${contactIds}) order by id for no key update`;
    const gone = await tx<{ id: string }[]>`
      delete from conversation where account_id = ${accountId} and id = any(${old.map((row) => row.id)})
        and status = 'ENDED' and ended_at < ${endedBefore} returning id`;
    const ids = gone.map((row) => row.id);
    await tx`delete from event where account_id = ${accountId} and conversation_id = any(${ids})`;
    await tx`update contact set latest_conversation_id = null where account_id = ${accountId} and latest_conversation_id = any(${ids})`;
    return ids.length;
  });
}
