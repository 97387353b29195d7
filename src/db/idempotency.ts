import type { Sql, TransactionSql } from 'postgres';

/** What a mutation was asked and answered under an idempotency key. */
export type StoredAnswer = { requestHash: string; result: unknown; createdAt: Date };

/**
 * Takes a key for a call; false where a call has taken it before. While another transaction is at it, this waits
 * for that one's end, so that of two calls at once only one acts.
 */
export async function claimKey(
  sql: TransactionSql,
  accountId: string,
  { key, requestHash, now }: { key: string; requestHash: string; now: Date },
): Promise<boolean> {
  const rows = await sql.unsafe(
    `insert into idempotency (account_id, key, request_hash, result, created_at) values ($1, $2, $3, 'null', $4)
     on conflict (account_id, key) do nothing returning 1`,
    [accountId, key, requestHash, now],
    { prepare: true },
  );
  return rows.length > 0;
}

/** Keeps what a call answered, in the transaction that took its key. */
export async function storeAnswer(
  sql: TransactionSql,
  accountId: string,
  key: string,
  result: object,
): Promise<void> {
  await sql`update idempotency set result = ${sql.json(result as never)} where account_id = ${accountId} and key = ${key}`;
}

/** What was answered under a key; null where it was never used. */
export async function readAnswer(sql: Sql, accountId: string, key: string): Promise<StoredAnswer | null> {
  const [row] = await sql`
    select request_hash, result, created_at from idempotency where account_id = ${accountId} and key = ${key}`;
  return row ? { requestHash: row.request_hash, result: row.result, createdAt: row.created_at } : null;
}

/** Deletes answers from before an instant, of any account; returns how many. */
export async function deleteOldAnswers(sql: Sql, createdBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from idempotency where (account_id, key) in (
      select account_id, key from idempotency where created_at < ${createdBefore} limit ${limit} for update skip locked
    )`;
  return deleted.count;
}
