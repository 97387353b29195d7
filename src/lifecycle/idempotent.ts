import type { TransactionSql } from 'postgres';
import { claimKey, readAnswer, storeAnswer } from '../db/idempotency.ts';
import { orUnavailable } from '../db/unavailable.ts';
import { ConflictError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/rules.ts';
import { apply } from './apply.ts';
import { type Author, changeRules, type RulesChange, type RulesDeps } from './change-rules.ts';
import type { Activity, ActivityResult, LifecycleDeps } from './lifecycle.ts';

/** A call under an idempotency key (null: without one), and everything that makes it this call and no other. */
export type Call = { key: string | null; request: unknown };

/** Does something in a transaction, and keeps the answer under the call's key. */
export type Keeping<Result extends object> = (
  sql: TransactionSql,
  act: () => Promise<Result>,
) => Promise<Result>;

/** The key was used before: the transaction has to go, and the answer is looked up. */
class UsedKeyError extends Error {}

/**
 * Runs a call once for its key: the same call again changes nothing and gets the same answer. The key is kept in
 * the transaction of what the call changes, so neither two at once nor a crash in between can make it act twice
 * or keep a key for nothing. A call that is refused keeps no key: it changed nothing, and may be tried again.
 * @throws ConflictError where the key was used for another call; UnavailableError where the database gave it up
 */
export async function once<Result extends object>(
  { db, clock, identifierHash }: Pick<LifecycleDeps, 'db' | 'clock' | 'identifierHash'>,
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

/**
 * Applies one command, once for its key. Answers the id of the conversation it was applied to.
 * @throws ConflictError, and what `apply` answers as refused; nothing is changed then
 */
export async function applyOnce(
  deps: LifecycleDeps,
  accountId: string,
  activity: Activity,
  call: Call,
): Promise<string> {
  const answer = await once<{ conversationId: string }>(deps, accountId, call, async (keeping) => {
    const results = await apply(deps, accountId, [activity], { kind: 'LIVE' }, async (sql, act) => {
      let acted: ActivityResult[] = [];
      await keeping(sql, async () => {
        acted = await act();
        return appliedTo(acted);
      });
      return acted;
    });
    return appliedTo(results);
  });
  return answer.conversationId;
}

function appliedTo([result]: readonly ActivityResult[]): { conversationId: string } {
  if (result?.error) throw result.error;
  if (!result?.conversationId) throw new Error('a command came to nothing');
  return { conversationId: result.conversationId };
}

/**
 * Changes rules, once for its key. Answers what `change` does, which is to be as JSON has it.
 * @throws ConflictError, and what `change` throws; nothing is changed then
 */
export async function changeRulesOnce<Result extends object>(
  deps: RulesDeps,
  accountId: string,
  author: Author,
  call: Call,
  change: (
    sql: TransactionSql,
    rules: AccountRules,
  ) => Promise<{ change: RulesChange | null; result: Result }>,
): Promise<Result> {
  return await once<Result>(deps, accountId, call, async (keeping) => {
    let result: Result | undefined;
    await changeRules(deps, accountId, author, null, async (sql, rules) => {
      let changed: RulesChange | null = null;
      result = await keeping(sql, async () => {
        const done = await change(sql, rules);
        changed = done.change;
        return done.result;
      });
      return changed;
    });
    return result as Result;
  });
}
