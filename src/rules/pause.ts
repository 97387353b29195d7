import { NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Causing } from '../engine.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';

/**
 * Stops all automatic ends of a channel, or with null of the account, at once (LL-15): from now on time does not
 * count there. A change of rules, so it touches no conversation. Where there is such a pause already it stays.
 * @throws NotFoundError naming `channelId`
 */
export async function pause(
  deps: RulesDeps,
  accountId: string,
  channelId: string | null,
  author: Author,
): Promise<Causing<AccountRules>> {
  return await changeRules(deps, { accountId, author }, async (sql, rules) => {
    checkChannel(rules, channelId);
    const [known] = await sql`
      select 1 from outage where account_id = ${accountId} and kind = 'PAUSE' and until is null
        and channel_id is not distinct from ${channelId}::uuid`;
    if (known) return null;
    const id = deps.newId();
    const since = deps.clock.now();
    await sql`insert into outage ${sql({ account_id: accountId, id, kind: 'PAUSE', channel_id: channelId, since, until: null })}`;
    const after = { kind: 'PAUSE', since: since.toISOString(), until: null };
    return { kind: 'OUTAGE', channelId, skillId: null, before: null, after };
  });
}

/**
 * Ends the pause of a channel, or with null that of the account; others go on. What was about to end has as long
 * as it had when the pause began, so that nothing ends because of the time in between (LL-15).
 * @throws NotFoundError naming `channelId`
 */
export async function resume(
  deps: RulesDeps,
  accountId: string,
  channelId: string | null,
  author: Author,
): Promise<Causing<AccountRules>> {
  return await changeRules(deps, { accountId, author }, async (sql, rules) => {
    checkChannel(rules, channelId);
    const until = deps.clock.now();
    const [ended] = await sql<{ since: Date }[]>`
      update outage set until = ${until} where account_id = ${accountId} and kind = 'PAUSE' and until is null
        and channel_id is not distinct from ${channelId}::uuid returning since`;
    if (!ended) return null;
    const before = { kind: 'PAUSE', since: ended.since.toISOString(), until: null };
    const after = { ...before, until: until.toISOString() };
    return { kind: 'OUTAGE', channelId, skillId: null, before, after };
  });
}

function checkChannel(rules: AccountRules, channelId: string | null): void {
  if (channelId !== null && !rules.channels.has(channelId)) throw new NotFoundError('channelId', 'channel');
}
