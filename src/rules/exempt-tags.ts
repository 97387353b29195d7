import type { AccountRules } from '../domain/policy/account-rules.ts';
import { startBackfill } from './backfill-progress.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';

/**
 * Sets the tags that exempt a conversation from every timer but the end of a hold and the protection (PE-7), in
 * force at once: a change of rules, which touches no conversation. `backfillStep` then puts each into its lane.
 * The same tags again change nothing.
 * @throws ConflictError where `expectedVersion` is not the newest
 */
export async function setExemptTags(
  deps: RulesDeps,
  accountId: string,
  tags: readonly string[],
  expectedVersion: number | null,
  author: Author,
): Promise<AccountRules> {
  const after = [...new Set(tags)];
  return await changeRules(deps, accountId, author, expectedVersion, async (sql, rules, version) => {
    const before = [...rules.exemptTags];
    if (before.length === after.length && before.every((tag) => after.includes(tag))) return null;
    await sql`update account set exempt_tags = ${after} where account_id = ${accountId}`;
    await startBackfill(sql, accountId, version, deps.clock.now());
    return {
      ...{ kind: 'EXEMPT_TAGS', channelId: null, skillId: null },
      ...{ before: { exemptTags: before }, after: { exemptTags: after } },
    };
  });
}
