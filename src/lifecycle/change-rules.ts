import type { TransactionSql } from 'postgres';
import { type RulesOfAdapter, readRulesIn } from '../db/rules.ts';
import { toMilliseconds } from '../domain/duration.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { type Layer, layersFor, type PolicyFields } from '../domain/policy.ts';
import { checkPolicyFields, formatPolicyFields, parsePolicyFields } from '../domain/policy-fields.ts';
import type { AccountRules } from '../domain/rules.ts';
import { isUuid } from '../domain/uuid.ts';
import type { LifecycleDeps } from './lifecycle.ts';

/** A change of rules, as the history keeps it. */
export type RulesChange = {
  kind:
    | 'POLICY'
    | 'PROFILE'
    | 'CHANNEL'
    | 'CALENDAR'
    | 'OUTAGE'
    | 'EXEMPT_TAGS'
    | 'CASE_STATUSES'
    | 'ENDPOINT';
  channelId: string | null;
  skillId: string | null;
  before: object | null;
  after: object | null;
};
/** Who changes rules, and why. */
export type Author = { changedBy: string; why: string | null };

/** What changing rules needs. `rulesChanged` comes after commit and arms the account's lanes; the reconciler makes up for it. */
export type RulesDeps = Pick<LifecycleDeps, 'db' | 'clock' | 'rules' | 'newId'> & {
  rulesOfAdapter: RulesOfAdapter;
  rulesChanged: (accountId: string, version: number) => Promise<void>;
};

/** What a change does, in its transaction; null: it finds nothing to change, and the rules stay as they are. */
export type Change = (
  sql: TransactionSql,
  rules: AccountRules,
  version: number,
) => Promise<RulesChange | null>;

/**
 * Changes an account's rules: one new version, in one transaction that touches no lane, so it costs the same
 * for ten conversations and ten million (LL-3).
 * @throws NotFoundError for an unknown account; ConflictError where `expectedVersion` is not the newest
 */
export async function changeRules(
  deps: RulesDeps,
  accountId: string,
  author: Author,
  expectedVersion: number | null,
  change: Change,
): Promise<AccountRules> {
  let isNew = false;
  const version = await deps.db.sql.begin(async (sql) => {
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
    if (changed === null) return current;
    const { kind, channelId, skillId, before, after } = changed;
    await sql`insert into rules_version ${sql({ account_id: accountId, version: next, kind, channel_id: channelId, skill_id: skillId, before: jsonOf(sql, before), after: jsonOf(sql, after), changed_by: author.changedBy, changed_at: now, why: author.why })}`;
    await sql`update account set rules_version = ${next}, rules_since = ${now} where account_id = ${accountId}`;
    isNew = true;
    return next;
  });
  if (isNew) await deps.rulesChanged(accountId, version);
  return await deps.rules.at(accountId, version);
}

/** Which layer, and what to set in it: durations as ISO 8601 texts or values; null unsets a field, so that it is inherited again. */
export type PolicyInput = {
  channelId: string | null;
  skillId: string | null;
  fields: Readonly<Record<string, unknown>>;
  expectedVersion: number | null;
};

/**
 * Sets fields of a policy layer (LP-4).
 * @throws OutOfBoundsError (LP-5), InvalidInputError, NotFoundError, ConflictError; nothing is changed then
 */
export async function setPolicy(
  deps: RulesDeps,
  accountId: string,
  input: PolicyInput,
  author: Author,
): Promise<AccountRules> {
  const unset = Object.keys(input.fields).filter(
    (field) => input.fields[field] === null && !NULLABLE.has(field),
  );
  const set = parsePolicyFields(
    Object.fromEntries(Object.entries(input.fields).filter(([field]) => !unset.includes(field))),
  );
  return await changeRules(deps, accountId, author, input.expectedVersion, async (sql, rules, version) => {
    const { channelId, skillId } = input;
    await checkPlace(sql, accountId, rules, input, set);
    checkPolicyFields(
      set,
      rules.profile,
      channelId === null ? null : (rules.channels.get(channelId)?.rules ?? null),
    );
    const layer = rules.layers.find((each) => each.channelId === channelId && each.skillId === skillId);
    const fields = Object.fromEntries(
      Object.entries({ ...layer?.fields, ...set }).filter(([field]) => !unset.includes(field)),
    ) as PolicyFields;
    checkReminders(rules, { channelId, skillId, fields, version });
    const before = layer ? formatPolicyFields(layer.fields) : null;
    const after = formatPolicyFields(fields);
    await sql`insert into policy_layer ${sql({ account_id: accountId, id: deps.newId(), channel_id: channelId, skill_id: skillId, fields: sql.json(after as never), version })}
      on conflict (account_id, channel_id, skill_id) do update set fields = excluded.fields, version = excluded.version`;
    return { kind: 'POLICY', channelId, skillId, before, after };
  });
}

/** Fields for which null is a value of its own: to inherit them again is to set what is inherited. */
const NULLABLE = new Set(['autoCloseCaseStatuses', 'overflowSkillId']);

async function checkPlace(
  sql: TransactionSql,
  accountId: string,
  rules: AccountRules,
  { channelId, skillId }: PolicyInput,
  set: PolicyFields,
): Promise<void> {
  if (channelId !== null && !rules.channels.has(channelId)) throw new NotFoundError('channelId', 'channel');
  for (const [field, id] of [
    ['skillId', skillId],
    ['overflowSkillId', set.overflowSkillId ?? null],
  ] as const) {
    if (id === null) continue;
    const [skill] = isUuid(id)
      ? await sql`select 1 from skill where account_id = ${accountId} and id = ${id}`
      : [];
    if (!skill) throw new NotFoundError(field, 'skill');
  }
}

/** A warning has to come before what it warns of (PE-2), as far as this layer and those above it say. */
function checkReminders(rules: AccountRules, layer: Layer): void {
  const others = rules.layers.filter(
    (each) => each.channelId !== layer.channelId || each.skillId !== layer.skillId,
  );
  const above = layersFor(others, layer.channelId, layer.skillId);
  const { autoCloseAfter, remindBefore }: PolicyFields = Object.assign(
    {},
    ...[...above, layer].map(({ fields }) => fields),
  );
  const close = autoCloseAfter ?? rules.profile.defaults.autoCloseAfter;
  for (const [index, before] of (remindBefore ?? []).entries())
    if (toMilliseconds(before) >= toMilliseconds(close))
      throw new InvalidInputError(`remindBefore[${index}]`, `less than autoCloseAfter, ${close}, is allowed`);
}

function jsonOf(sql: TransactionSql, value: object | null) {
  return value === null ? null : sql.json(value as never);
}
