import { type LayerFault, OutOfBoundsError, ProfileRefusedError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { type PolicyField, type PolicyFields, type Profile, scopeOf } from '../domain/policy/policy.ts';
import { violationsIn } from '../domain/policy/policy-fields.ts';
import { profileNamed } from '../domain/policy/profiles.ts';
import type { Causing } from '../engine.ts';
import { type Author, changeRules, type RulesDeps } from './change-rules.ts';
import { exclusionsIn, rulesOn } from './profile-fit.ts';

/**
 * Sets the profile. It is a change of rules, in one transaction that writes no conversation.
 * @throws NotFoundError naming `profile`; ProfileRefusedError listing every field of a layer that does not fit;
 * ConflictError; nothing is changed then
 */
export async function setProfile(
  deps: RulesDeps,
  accountId: string,
  { profile: name, expectedVersion }: { profile: string; expectedVersion: number | null },
  author: Author,
): Promise<Causing<AccountRules>> {
  const profile = profileNamed(name);
  return await changeRules(deps, { accountId, author, expectedVersion }, async (sql, rules) => {
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

/**
 * Leaves out fields that a profile fixes to the value they have, because a field with null as a value cannot be
 * removed.
 */
function beyondFixed(fields: PolicyFields, { fixed, defaults }: Profile): PolicyFields {
  const isFixedToIt = (field: PolicyField) =>
    fixed.includes(field) && JSON.stringify(fields[field]) === JSON.stringify(defaults[field]);
  return Object.fromEntries(
    Object.entries(fields).filter(([field]) => !isFixedToIt(field as PolicyField)),
  ) as PolicyFields;
}
