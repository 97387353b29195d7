import type { Sql, TransactionSql } from 'postgres';
import { inTransaction } from '../db/transaction.ts';
import { API_KEY_COLUMNS, type ApiKeyRow } from './api-keys.ts';
import { OPERATOR_KEY_COLUMNS, type OperatorKeyRow } from './operator-keys.ts';

/**
 * Revokes a key from the next request on, with all keys bound to it, directly or through others. Keys that are
 * revoked already stay as they are. Null for an unknown key. `check` gets the key and may throw; then nothing is
 * revoked.
 */
export async function revokeApiKey(
  sql: Sql,
  { accountId, id }: { accountId: string; id: string },
  now: Date,
  check: (key: ApiKeyRow) => void = () => {},
): Promise<ApiKeyRow | null> {
  const [key] = await inTransaction(sql, async (tx) => {
    // Creating a key locks its creator, so from here on no key can be created by this one.
    const [row] = await tx.unsafe<ApiKeyRow[]>(
      `select ${API_KEY_COLUMNS} from api_key where account_id = $1 and id = $2 for update`,
      [accountId, id],
    );
    if (!row) return [];
    check(row);
    const revoked = await tx.unsafe<ApiKeyRow[]>(
      `update api_key set revoked_at = coalesce(revoked_at, $3) where account_id = $1 and id = $2 returning ${API_KEY_COLUMNS}`,
      [accountId, id, now],
    );
    await revokeBound(tx, accountId, now);
    return revoked;
  });
  return key ?? null;
}

/**
 * Revokes an operator key from the next request on, with the accounts' keys bound to it. Null for an unknown key.
 * Across accounts by design.
 */
export async function revokeOperatorKey(sql: Sql, id: string, now: Date): Promise<OperatorKeyRow | null> {
  const [key] = await inTransaction(sql, async (tx) => {
    const revoked = await tx.unsafe<OperatorKeyRow[]>(
      `update operator_key set revoked_at = coalesce(revoked_at, $2) where id = $1 returning ${OPERATOR_KEY_COLUMNS}`,
      [id, now],
    );
    const bound = await tx<{ account_id: string }[]>`
      update api_key set revoked_at = ${now} where bound_to = ${id} and revoked_at is null returning account_id`;
    for (const accountId of new Set(bound.map(({ account_id }) => account_id)))
      await revokeBound(tx, accountId, now);
    return revoked;
  });
  return key ?? null;
}

/**
 * Revokes an account's keys that are bound to a revoked one, until there is none. Each statement sees keys created
 * meanwhile.
 */
async function revokeBound(tx: TransactionSql, accountId: string, now: Date): Promise<void> {
  for (;;) {
    const { count } = await tx`
      update api_key as key set revoked_at = ${now} from api_key as maker
      where key.account_id = ${accountId} and maker.account_id = ${accountId} and maker.id = key.bound_to
        and maker.revoked_at is not null and key.revoked_at is null`;
    if (count === 0) return;
  }
}
