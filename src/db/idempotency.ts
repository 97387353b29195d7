import type { TransactionSql } from 'postgres';
import { ConflictError } from '../domain/errors.ts';
import type { EngineDeps } from '../engine.ts';
import { claimKey, readAnswer, storeAnswer } from './rows/idempotency-keys.ts';
import { orUnavailable } from './sqlstate.ts';
import { inTransaction } from './transaction.ts';

/** A call under an idempotency key (null: without one), and everything that makes it this call and no other. */
export type Call = { key: string | null; request: unknown };

/** Does something in a transaction, and keeps the answer under the call's key. */
export type Keeping<Result extends object> = (
  sql: TransactionSql,
  act: () => Promise<Result>,
) => Promise<Result>;

/** Runs a call once for its key, in a transaction of its own; see `once`. */
export async function onceInTransaction<Result extends object>(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'identifierHash'>,
  accountId: string,
  call: Call,
  act: (sql: TransactionSql) => Promise<Result>,
): Promise<Result> {
  return await once<Result>(deps, accountId, call, (keeping) =>
    inTransaction(deps.db.sql, async (sql) => await keeping(sql, () => act(sql))),
  );
}

/** The key was used before: the transaction has to go, and the answer is looked up. */
class UsedKeyError extends Error {}

/**
 * Runs a call once for its key: the same call again changes nothing and gets the same answer. The key is kept in
 * the transaction of what the call changes, so neither two at once nor a crash in between can make it act twice
 * or keep a key for nothing. A call that is refused keeps no key: it changed nothing, and may be tried again.
 * @throws ConflictError where the key was used for another call; UnavailableError where the database gave it up
 */
export async function once<Result extends object>(
  { db, clock, identifierHash }: Pick<EngineDeps, 'db' | 'clock' | 'identifierHash'>,
  accountId: string,
  { key, request }: Call,
  run: (keeping: Keeping<Result>) => Promise<Result>,
): Promise<Result> {
  if (key === null) return await orUnavailable(() => run((_sql, act) => act()));
  const hashed = (kind: 'IDEMPOTENCY_KEY' | 'REQUEST', value: string) =>
    identifierHash({ kind, accountId, channelId: null, value });
  // The key as it stands once somebody whom it named was erased.
  const keys = { key, erasedKey: hashed('IDEMPOTENCY_KEY', key) };
  const requestHash = hashed('REQUEST', JSON.stringify(request));
  try {
    return await orUnavailable(() =>
      run(async (sql, act) => {
        if (!(await claimKey(sql, accountId, { ...keys, requestHash, now: clock.now() })))
          throw new UsedKeyError();
        const result = await act();
        await storeAnswer(sql, accountId, key, result);
        return result;
      }),
    );
  } catch (error) {
    if (!(error instanceof UsedKeyError)) throw error;
    const answer = await readAnswer(db.sql, accountId, keys);
    if (answer === null) throw new Error('an idempotency key went away');
    if (answer.requestHash === requestHash) return answer.result as Result;
    const usedAt = answer.createdAt.toISOString();
    throw new ConflictError(
      'idempotencyKey',
      usedAt,
      `idempotencyKey: it was used for another call, at ${usedAt}`,
    );
  }
}
