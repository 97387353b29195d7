import type { TransactionSql } from 'postgres';
import { orUnavailable } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { ConflictError, NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { Causing, EngineDeps } from '../engine.ts';
import { readRulesIn } from './load-rules.ts';
import type { RulesVersionRow } from './rules-history.ts';

/** A change of rules, as the history of rules keeps it. */
export type RulesChange = {
  kind: RulesVersionRow['kind'];
  channelId: string | null;
  skillId: string | null;
  before: object | null;
  after: object | null;
};
/** Who changes rules, and why. */
export type Author = { changedBy: string; why: string | null };

/** A request to change the rules of an account. With `expectedVersion` it succeeds only if that version is the newest. */
export type RulesRequest = { accountId: string; author: Author; expectedVersion?: number | null };

/** What changing rules needs. */
export type RulesDeps = Pick<
  EngineDeps,
  'db' | 'clock' | 'rules' | 'rulesOfAdapter' | 'newId' | 'identifierHash'
>;

/** Makes a change within its transaction. Null if there is nothing to change: the rules stay as they are. */
export type Change = (
  sql: TransactionSql,
  rules: AccountRules,
  version: number,
) => Promise<RulesChange | null>;

/**
 * Changes an account's rules: one new version, in one transaction that touches no conversation and no lane. So it costs the
 * same for ten conversations and for ten million (LL-3).
 * @throws NotFoundError for an unknown account; ConflictError if `expectedVersion` is not the newest; UnavailableError if
 * the database was too slow. Nothing is changed then.
 */
export async function changeRules(
  deps: RulesDeps,
  { accountId, author, expectedVersion = null }: RulesRequest,
  change: Change,
): Promise<Causing<AccountRules>> {
  const write = async (sql: TransactionSql): Promise<{ version: number; isNew: boolean }> => {
    const [account] =
      await sql`select rules_version from account where account_id = ${accountId} for no key update`;
    if (!account) throw new NotFoundError('accountId', 'account');
    const current = Number(account.rules_version);
    if (expectedVersion !== null && expectedVersion !== current)
      throw new ConflictError('expectedVersion', String(current));
    const rules = await readRulesIn(sql, accountId, deps.rulesOfAdapter);
    if (!rules) throw new NotFoundError('accountId', 'account');
    const next = current + 1;
    const now = deps.clock.now();
    const changed = await change(sql, rules, next);
    if (changed === null) return { version: current, isNew: false };
    const { kind, channelId, skillId, before, after } = changed;
    await sql`insert into rules_version ${sql({ account_id: accountId, version: next, kind, channel_id: channelId, skill_id: skillId, before: jsonOf(sql, before), after: jsonOf(sql, after), changed_by: author.changedBy, changed_at: now, why: author.why })}`;
    await sql`update account set rules_version = ${next}, rules_since = ${now} where account_id = ${accountId}`;
    return { version: next, isNew: true };
  };
  const { version, isNew } = await orUnavailable(() => inTransaction(deps.db.sql, write));
  const result = await deps.rules.at(accountId, version);
  return { result, caused: isNew ? { newRules: { accountId, version } } : {} };
}

function jsonOf(sql: TransactionSql, value: object | null) {
  return value === null ? null : sql.json(value as never);
}
