import type { TransactionSql } from 'postgres';
import { orUnavailable } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { checkCount } from '../domain/bounds.ts';
import {
  ConflictError,
  InvalidInputError,
  type LayerFault,
  NotFoundError,
  OutOfBoundsError,
  ProfileRefusedError,
} from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import {
  type Layer,
  layersFor,
  type PolicyField,
  type PolicyFields,
  type Profile,
  scopeOf,
} from '../domain/policy/policy.ts';
import {
  checkPolicyFields,
  formatPolicyFields,
  parsePolicyFields,
  violationsIn,
} from '../domain/policy/policy-fields.ts';
import { profileNamed } from '../domain/policy/profiles.ts';
import { toMilliseconds } from '../domain/time/duration.ts';
import { isUuid } from '../domain/uuid.ts';
import type { EngineDeps } from '../engine.ts';
import { type RulesOfAdapter, readRulesIn } from './load-rules.ts';
import type { RulesVersionRow } from './rules-history.ts';

/** A change of rules, as the history keeps it. */
export type RulesChange = {
  kind: RulesVersionRow['kind'];
  channelId: string | null;
  skillId: string | null;
  before: object | null;
  after: object | null;
};
/** Who changes rules, and why. */
export type Author = { changedBy: string; why: string | null };

/** What changing rules needs. `rulesChanged` comes after commit and arms the account's lanes; the reconciler makes up for it. */
export type RulesDeps = Pick<EngineDeps, 'db' | 'clock' | 'rules' | 'newId' | 'identifierHash'> & {
  rulesOfAdapter: RulesOfAdapter;
  scheduleAccount: (accountId: string, version: number) => Promise<void>;
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
 * @throws NotFoundError for an unknown account; ConflictError where `expectedVersion` is not the newest; UnavailableError
 * where the database could not take it in time (nothing was changed; try again)
 */
export async function changeRules(
  deps: RulesDeps,
  accountId: string,
  author: Author,
  expectedVersion: number | null,
  change: Change,
): Promise<AccountRules> {
  let isNew = false;
  const write = async (sql: TransactionSql) => {
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
  };
  const version = await orUnavailable(() => inTransaction(deps.db.sql, write));
  if (isNew) await deps.scheduleAccount(accountId, version);
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
    checkPolicyFields(set, scopeOf({ channelId, skillId }), rules.profile, rulesOn(rules, channelId));
    checkCaseStatuses(rules, set);
    const layer = rules.layers.find((each) => each.channelId === channelId && each.skillId === skillId);
    if (layer === undefined) checkCount('policyLayers', rules.layers.length);
    const fields = Object.fromEntries(
      Object.entries({ ...layer?.fields, ...set }).filter(([field]) => !unset.includes(field)),
    ) as PolicyFields;
    const written = { channelId, skillId, fields, version };
    if ('remindBefore' in input.fields || 'autoCloseAfter' in input.fields) checkReminders(rules, written);
    const [excluded] = exclusionsIn(rules.profile, [...othersThan(rules, written), written], [written]);
    if (excluded) throw new InvalidInputError(excluded.field, excluded.allowed);
    const before = layer ? formatPolicyFields(layer.fields) : null;
    const after = formatPolicyFields(fields);
    await sql`insert into policy_layer ${sql({ account_id: accountId, id: deps.newId(), channel_id: channelId, skill_id: skillId, fields: sql.json(after as never), version })}
      on conflict (account_id, channel_id, skill_id) do update set fields = excluded.fields, version = excluded.version`;
    return { kind: 'POLICY', channelId, skillId, before, after };
  });
}

/** Fields for which null is a value of its own: to inherit them again is to set what is inherited. */
const NULLABLE = new Set(['autoCloseCaseStatuses', 'overflowSkillId', 'tagOnClose']);

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
  const above = layersFor(othersThan(rules, layer), layer.channelId, layer.skillId);
  const { autoCloseAfter, remindBefore }: PolicyFields = Object.assign(
    {},
    ...[...above, layer].map(({ fields }) => fields),
  );
  const close = autoCloseAfter ?? rules.profile.defaults.autoCloseAfter;
  for (const [index, before] of (remindBefore ?? []).entries())
    if (toMilliseconds(before) >= toMilliseconds(close))
      throw new InvalidInputError(`remindBefore[${index}]`, `less than autoCloseAfter, ${close}, is allowed`);
}

function othersThan({ layers }: AccountRules, { channelId, skillId }: Layer): Layer[] {
  return layers.filter((each) => each.channelId !== channelId || each.skillId !== skillId);
}

function rulesOn(rules: AccountRules, channelId: string | null): ChannelRules | null {
  return channelId === null ? null : (rules.channels.get(channelId)?.rules ?? null);
}

function checkCaseStatuses({ caseStatuses }: AccountRules, { autoCloseCaseStatuses }: PolicyFields): void {
  for (const [index, status] of (autoCloseCaseStatuses ?? []).entries())
    if (!caseStatuses.has(status))
      throw new InvalidInputError(
        `autoCloseCaseStatuses[${index}]`,
        caseStatuses.size === 0
          ? 'the account has no case statuses yet'
          : `${[...caseStatuses].join(', ')} is allowed`,
      );
}

/** Where layers switch on what a profile lets nobody have together (SF-3); of `written`, the field that was just set is named. */
function exclusionsIn(profile: Profile, layers: readonly Layer[], written: readonly Layer[]): LayerFault[] {
  const isOn = (field: PolicyField, among: readonly Layer[]) =>
    among.find(({ fields }) => fields[field] === true);
  return profile.excludes.flatMap(([one, other]) => {
    if (!isOn(one, layers) || !isOn(other, layers)) return [];
    const at = isOn(one, written) ?? isOn(other, written);
    const [field, against] = at && at === isOn(one, written) ? [one, other] : [other, one];
    const { channelId = null, skillId = null } = at ?? {};
    return [{ channelId, skillId, field, allowed: `only false is allowed while ${against} is on` }];
  });
}

/**
 * Chooses a profile: a change of rules like any other, in one transaction that touches no conversation.
 * @throws NotFoundError naming `profile`; ProfileRefusedError listing every field of a layer that does not fit it;
 * ConflictError. Nothing is changed then
 */
export async function setProfile(
  deps: RulesDeps,
  accountId: string,
  { profile: name, expectedVersion }: { profile: string; expectedVersion: number | null },
  author: Author,
): Promise<AccountRules> {
  const profile = profileNamed(name);
  return await changeRules(deps, accountId, author, expectedVersion, async (sql, rules) => {
    if (profile.id === rules.profile.id) return null;
    const faults = rules.layers.flatMap((layer): LayerFault[] => {
      const { channelId, skillId, fields } = layer;
      const own = beyondFixed(fields, profile);
      return violationsIn(own, scopeOf(layer), profile, rulesOn(rules, channelId)).map((error) => ({
        ...{ channelId, skillId, field: error.field },
        allowed: error instanceof OutOfBoundsError ? `${error.min} to ${error.max}` : error.allowed,
      }));
    });
    faults.push(...exclusionsIn(profile, rules.layers, rules.layers));
    if (faults.length > 0) throw new ProfileRefusedError(profile.id, faults);
    await sql`update account set profile = ${profile.id} where account_id = ${accountId}`;
    return {
      ...{ kind: 'PROFILE', channelId: null, skillId: null },
      ...{ before: { profile: rules.profile.id }, after: { profile: profile.id } },
    };
  });
}

/** Fields without those that a profile fixes to the very value they have: those for which null is a value cannot be unset. */
function beyondFixed(fields: PolicyFields, { fixed, defaults }: Profile): PolicyFields {
  const isFixedToIt = (field: PolicyField) =>
    fixed.includes(field) && JSON.stringify(fields[field]) === JSON.stringify(defaults[field]);
  return Object.fromEntries(
    Object.entries(fields).filter(([field]) => !isFixedToIt(field as PolicyField)),
  ) as PolicyFields;
}

/**
 * Defines the account's case statuses (SP-4). One that goes stays on the conversations that have it.
 * @throws InvalidInputError where a layer of the policy names one that is to go; nothing is changed then
 */
export async function setCaseStatuses(
  deps: RulesDeps,
  accountId: string,
  caseStatuses: readonly string[],
  author: Author,
): Promise<AccountRules> {
  const after = [...new Set(caseStatuses)];
  return await changeRules(deps, accountId, author, null, async (sql, rules) => {
    const before = [...rules.caseStatuses];
    if (before.length === after.length && before.every((status) => after.includes(status))) return null;
    for (const { fields } of rules.layers)
      for (const status of fields.autoCloseCaseStatuses ?? [])
        if (!after.includes(status))
          throw new InvalidInputError('caseStatuses', `${status} has to stay: a policy closes by it`);
    await sql`update account set case_statuses = ${after} where account_id = ${accountId}`;
    return {
      ...{ kind: 'CASE_STATUSES', channelId: null, skillId: null },
      ...{ before: { caseStatuses: before }, after: { caseStatuses: after } },
    };
  });
}

function jsonOf(sql: TransactionSql, value: object | null) {
  return value === null ? null : sql.json(value as never);
}
