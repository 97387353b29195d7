import { NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Causing } from '../engine.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';

/**
 * Stops all automatic ends of a channel, or of the account with null, at once (LL-15): time does not count from
 * now on. It is a change of rules, so it writes no conversation. Pausing again changes nothing.
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
 * Ends the pause of a channel, or of the account with null. Other pauses stay. Each conversation has as much time
 * left as when the pause began, so nothing ends because of the time in between (LL-15).
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
