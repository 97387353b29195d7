import type { Sql, TransactionSql } from 'postgres';

/** What a mutation was asked and answered under an idempotency key. */
export type StoredAnswer = { requestHash: string; result: unknown; createdAt: Date };

/** A key of a caller's, and what stands for it once it has named somebody who was erased (PE-15). */
export type Keys = { key: string; erasedKey: string };

/**
 * Takes a key for a call; false where a call has taken it before. While another transaction is at it, this waits
 * for that one's end, so that of two calls at once only one acts.
 */
export async function claimKey(
  sql: TransactionSql,
  accountId: string,
  { key, erasedKey, requestHash, now }: Keys & { requestHash: string; now: Date },
): Promise<boolean> {
  const rows = await sql.unsafe(
    `insert into idempotency (account_id, key, request_hash, result, created_at) 
     select $1::uuid, $2, $3, 'null'::jsonb, $4::timestamptz
     where not exists (select from idempotency where account_id = $1 and key = $5)
     on conflict (account_id, key) do nothing returning 1`,
    [accountId, key, requestHash, now, erasedKey],
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
export async function readAnswer(
  sql: Sql,
  accountId: string,
  { key, erasedKey }: Keys,
): Promise<StoredAnswer | null> {
  const [row] = await sql`
    select request_hash, result, created_at from idempotency where account_id = ${accountId} and key in (${key}, ${erasedKey})`;
  return row ? { requestHash: row.request_hash, result: row.result, createdAt: row.created_at } : null;
}

/** An account's keys with a text in them. */
export async function keysNaming(sql: TransactionSql, accountId: string, text: string): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    select key from idempotency where account_id = ${accountId} and position(${text} in key) > 0`;
  return rows.map(({ key }) => key);
}

/** Puts other keys in their place, under which the same calls are still known. */
export async function replaceKeys(
  sql: TransactionSql,
  accountId: string,
  keys: readonly Keys[],
): Promise<void> {
  await sql`
    update idempotency set key = rows.erased_key
    from unnest(${keys.map(({ key }) => key)}::text[], ${keys.map(({ erasedKey }) => erasedKey)}::text[]) as rows (key, erased_key)
    where account_id = ${accountId} and idempotency.key = rows.key`;
}

/** Deletes answers from before an instant, of any account; returns how many. */
export async function deleteOldAnswers(sql: Sql, createdBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from idempotency where (account_id, key) in (
      select account_id, key from idempotency where created_at < ${createdBefore} limit ${limit} for update skip locked
    )`;
  return deleted.count;
}
