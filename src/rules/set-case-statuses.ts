import { InvalidInputError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Causing } from '../engine.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';

/**
 * Defines the account's case statuses (SP-4). A removed one stays on the conversations that have it.
 * @throws InvalidInputError if a policy layer names one that would be removed; nothing is changed then
 */
export async function setCaseStatuses(
  deps: RulesDeps,
  accountId: string,
  caseStatuses: readonly string[],
  author: Author,
): Promise<Causing<AccountRules>> {
  const after = [...new Set(caseStatuses)];
  return await changeRules(deps, { accountId, author }, async (sql, rules) => {
    const before = [...rules.caseStatuses];
    if (before.length === after.length && before.every((status) => after.includes(status))) return null;
    for (const { fields } of rules.layers)
      for (const status of fields.autoCloseCaseStatuses ?? [])
        if (!after.includes(status))
          throw new InvalidInputError(
            'caseStatuses',
            `a policy uses ${status}; remove it from autoCloseCaseStatuses first`,
          );
    await sql`update account set case_statuses = ${after} where account_id = ${accountId}`;
    return {
      ...{ kind: 'CASE_STATUSES', channelId: null, skillId: null },
      ...{ before: { caseStatuses: before }, after: { caseStatuses: after } },
    };
  });
}
