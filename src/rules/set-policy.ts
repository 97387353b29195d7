import type { TransactionSql } from 'postgres';
import { checkCount } from '../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { type Layer, layersFor, type PolicyFields, scopeOf } from '../domain/policy/policy.ts';
import { checkPolicyFields, formatPolicyFields, parsePolicyFields } from '../domain/policy/policy-fields.ts';
import { toMilliseconds } from '../domain/time/duration.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Causing } from '../engine.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';
import { exclusionsIn, rulesOn } from './profile-fit.ts';

/**
 * A layer and the fields to set in it: durations as ISO 8601 texts or values. Null removes a field from the layer,
 * so that it is inherited again.
 */
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
): Promise<Causing<AccountRules>> {
  const { channelId, skillId, expectedVersion } = input;
  const unset = Object.keys(input.fields).filter(
    (field) => input.fields[field] === null && !NULLABLE.has(field),
  );
  const set = parsePolicyFields(
    Object.fromEntries(Object.entries(input.fields).filter(([field]) => !unset.includes(field))),
  );
  return await changeRules(deps, { accountId, author, expectedVersion }, async (sql, rules, version) => {
    await checkPlace(sql, rules, input, set);
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

/** Fields with null as a value. To inherit such a field again, set the inherited value. */
const NULLABLE = new Set(['autoCloseCaseStatuses', 'overflowSkillId', 'tagOnClose']);

async function checkPlace(
  sql: TransactionSql,
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
      ? await sql`select 1 from skill where account_id = ${rules.accountId} and id = ${id}`
      : [];
    if (!skill) throw new NotFoundError(field, 'skill');
  }
}

/**
 * Checks that a reminder comes before the close it announces (PE-2), within this layer and the ones above.
 */
function checkReminders(rules: AccountRules, layer: Layer): void {
  const above = layersFor(othersThan(rules, layer), layer.channelId, layer.skillId);
  const { autoCloseAfter, remindBefore }: PolicyFields = Object.assign(
    {},
    ...[...above, layer].map(({ fields }) => fields),
  );
  const close = autoCloseAfter ?? rules.profile.defaults.autoCloseAfter;
  for (const [index, before] of (remindBefore ?? []).entries())
    if (toMilliseconds(before) >= toMilliseconds(close))
      throw new InvalidInputError(
        `remindBefore[${index}]`,
        `a duration below autoCloseAfter (${close}) is allowed`,
      );
}

function othersThan({ layers }: AccountRules, { channelId, skillId }: Layer): Layer[] {
  return layers.filter((each) => each.channelId !== channelId || each.skillId !== skillId);
}

function checkCaseStatuses({ caseStatuses }: AccountRules, { autoCloseCaseStatuses }: PolicyFields): void {
  for (const [index, status] of (autoCloseCaseStatuses ?? []).entries())
    if (!caseStatuses.has(status))
      throw new InvalidInputError(
        `autoCloseCaseStatuses[${index}]`,
        caseStatuses.size === 0
          ? 'the account has no case statuses; set them with setCaseStatuses'
          : `${[...caseStatuses].join(', ')} is allowed`,
      );
}
