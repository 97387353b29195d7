import type { TransactionSql } from 'postgres';
import { ConflictError } from '../domain/errors.ts';
import type { EngineDeps } from '../engine.ts';
import { claimKey, readAnswer, storeAnswer } from './rows/idempotency-keys.ts';
import { orUnavailable } from './sqlstate.ts';

/** A call, with its idempotency key, null if it has none, and everything that tells it from other calls. */
export type Call = { key: string | null; request: unknown };

/** Runs work in a transaction, and stores its answer under the call's key. */
type Keeping<Result extends object> = (sql: TransactionSql, act: () => Promise<Result>) => Promise<Result>;

/** The key was used before: the transaction is rolled back, and the stored answer is read. */
class UsedKeyError extends Error {}

/**
 * Runs a call once for its key: a repeated call changes nothing and gets the same answer. The key is stored in the
 * transaction of the call, so neither concurrent calls nor a crash can make it act twice, or store a key without its change.
 * A refused call stores no key: it changed nothing, and may be repeated.
 * @throws ConflictError if the key was used for another call; UnavailableError if the database could not carry it out
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
  // The erased key replaces the key once a contact that it names is erased.
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
