import type { Sql, TransactionSql } from 'postgres';

/** The answer of a mutation under an idempotency key. */
type StoredAnswer = { requestHash: string; result: unknown; createdAt: Date };

/** A caller's key, and its replacement once it has named a contact that was erased (PE-15). */
export type Keys = { key: string; erasedKey: string };

/**
 * Claims a key for a call; false if an earlier call has claimed it. Waits for another transaction that claims the same key,
 * so that only one of two concurrent calls acts.
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

/** Stores the answer of a call, in the transaction that claimed its key. */
export async function storeAnswer(
  sql: TransactionSql,
  accountId: string,
  key: string,
  result: object,
): Promise<void> {
  await sql`update idempotency set result = ${sql.json(result as never)} where account_id = ${accountId} and key = ${key}`;
}

/** The answer under a key; null if the key was never used. */
export async function readAnswer(
  sql: Sql,
  accountId: string,
  { key, erasedKey }: Keys,
): Promise<StoredAnswer | null> {
  const [row] = await sql`
    select request_hash, result, created_at from idempotency where account_id = ${accountId} and key in (${key}, ${erasedKey})`;
  return row ? { requestHash: row.request_hash, result: row.result, createdAt: row.created_at } : null;
}

/** An account's keys that contain a text. */
export async function keysNaming(sql: TransactionSql, accountId: string, text: string): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    select key from idempotency where account_id = ${accountId} and position(${text} in key) > 0`;
  return rows.map(({ key }) => key);
}

/** Replaces keys by their erased form, under which the same calls are still recognised. */
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

/** Deletes answers of every account from before an instant; returns how many. */
export async function deleteOldAnswers(sql: Sql, createdBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from idempotency where (account_id, key) in (
      select account_id, key from idempotency where created_at < ${createdBefore} limit ${limit} for update skip locked
    )`;
  return deleted.count;
}
