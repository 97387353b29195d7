import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Causing } from '../engine.ts';
import { startBackfill } from './backfill-progress.ts';
import { changeRules, type RulesDeps, type RulesRequest } from './change-rules.ts';

/**
 * Sets the tags that exempt a conversation from every timer except the end of a hold and the protection (PE-7). The change is
 * in force at once and touches no conversation; the exemption backfill then moves each one to its lane. Setting the same
 * tags again changes nothing.
 * @throws ConflictError if `expectedVersion` is not the newest
 */
export async function setExemptTags(
  deps: RulesDeps,
  request: RulesRequest,
  tags: readonly string[],
): Promise<Causing<AccountRules>> {
  const after = [...new Set(tags)];
  return await changeRules(deps, request, async (sql, rules, version) => {
    const before = [...rules.exemptTags];
    if (before.length === after.length && before.every((tag) => after.includes(tag))) return null;
    await sql`update account set exempt_tags = ${after} where account_id = ${rules.accountId}`;
    await startBackfill(sql, rules.accountId, version, deps.clock.now());
    return {
      ...{ kind: 'EXEMPT_TAGS', channelId: null, skillId: null },
      ...{ before: { exemptTags: before }, after: { exemptTags: after } },
    };
  });
}
