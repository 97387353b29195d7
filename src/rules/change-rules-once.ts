import type { TransactionSql } from 'postgres';
import { type Call, once } from '../db/idempotency.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { type Author, changeRules, type RulesChange, type RulesDeps } from './change-rules.ts';

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
