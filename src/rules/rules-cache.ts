import type { Sql } from 'postgres';
import { NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { RulesCache } from '../engine.ts';
import { type RulesOfAdapter, readRules } from './load-rules.ts';

/** The maximum number of cached accounts. Above it the least recently used is dropped. */
const ACCOUNTS_KEPT = 1000;

/** Opens a cache over a database. */
export function openRulesCache(sql: Sql, rulesOfAdapter: RulesOfAdapter): RulesCache {
  const kept = new Map<string, AccountRules>();

  async function newest(accountId: string): Promise<AccountRules> {
    const rules = await readRules(sql, accountId, rulesOfAdapter);
    if (rules === null) throw new NotFoundError('accountId', 'account');
    keep(rules);
    return rules;
  }

  function keep(rules: AccountRules): void {
    kept.delete(rules.accountId);
    kept.set(rules.accountId, rules);
    const oldest = kept.keys().next().value;
    if (kept.size > ACCOUNTS_KEPT && oldest !== undefined) kept.delete(oldest);
  }

  return {
    newest,
    async at(accountId, version) {
      const rules = kept.get(accountId);
      if (rules === undefined || rules.version < version) return newest(accountId);
      keep(rules);
      return rules;
    },
  };
}
