import type { TransactionSql } from 'postgres';
import { type Call, once } from '../db/idempotency.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Caused, Causing } from '../engine.ts';
import { changeRules, type RulesChange, type RulesDeps, type RulesRequest } from './change-rules.ts';

/** A request to change rules, with the idempotency key of its call. */
export type OnceRequest = Omit<RulesRequest, 'expectedVersion'> & { call: Call };

/**
 * Changes rules once for the idempotency key of the call. The result of `change` is stored as JSON and returned again.
 * @throws ConflictError if the key was used for another call, and what `change` throws. Nothing is changed then.
 */
export async function changeRulesOnce<Result extends object>(
  deps: RulesDeps,
  { accountId, author, call }: OnceRequest,
  change: (
    sql: TransactionSql,
    rules: AccountRules,
  ) => Promise<{ change: RulesChange | null; result: Result }>,
): Promise<Causing<Result>> {
  let caused: Caused = {};
  const result = await once<Result>(deps, accountId, call, async (keeping) => {
    let kept: Result | undefined;
    const done = await changeRules(deps, { accountId, author }, async (sql, rules) => {
      let changed: RulesChange | null = null;
      kept = await keeping(sql, async () => {
        const made = await change(sql, rules);
        changed = made.change;
        return made.result;
      });
      return changed;
    });
    caused = done.caused;
    return kept as Result;
  });
  return { result, caused };
}
