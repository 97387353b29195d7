import type { FieldMap } from '@pothos/core';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  OutOfBoundsError,
} from '../../domain/errors.ts';
import { type AccountRules, settingsFor } from '../../domain/policy/account-rules.ts';
import {
  enabledSince,
  type PolicyField,
  type ResolvedPolicy,
  resolvePolicy,
  SWITCHES,
  type SwitchField,
} from '../../domain/policy/policy.ts';
import { setPolicy } from '../../rules/set-policy.ts';
import { builder } from '../core/builder.ts';
import { decodeGiven, decodeId, encodeId } from '../core/ids.ts';
import { Channel, Skill } from '../core/named.ts';
import { readText, WHY } from '../core/text.ts';
import { Origin } from './origin.ts';
import { POLICY_FIELD_NAMES, POLICY_FIELDS } from './policy-fields.ts';

/** Where a policy is asked for: both null is the account itself. */
export type Place = { channelId: string | null; skillId: string | null };
type EnabledSince = (field: SwitchField) => Date | null;
type PolicyAt = ResolvedPolicy & Place & { rulesVersion: number; enabledSince: EnabledSince };

const Switches = builder.objectRef<EnabledSince>('PolicySwitches').implement({
  description:
    'The instants since which each timer is on, at one place of the policy (SP-6). A conversation that was silent before stays open until its next activity. Null: on from the beginning, or off.',
  fields: (t) =>
    Object.fromEntries(
      (Object.keys(SWITCHES) as SwitchField[]).map((name) => [
        name,
        t.field({
          type: 'DateTime',
          nullable: true,
          description: `The instant since which \`${name}\` is on.`,
          resolve: (enabledSince) => enabledSince(name),
        }),
      ]),
    ),
});

const Origins = builder.objectRef<PolicyAt['origins']>('PolicyOrigins').implement({
  description: 'The origin of each policy field (LL-1).',
  fields: (t) =>
    fieldMap((name) =>
      t.field({
        type: Origin,
        description: `The layer or profile that sets \`${name}\`, with its rules version.`,
        resolve: (origins) => origins[name],
      }),
    ),
});

export const Policy = builder.objectRef<PolicyAt>('Policy').implement({
  description:
    'The policy of the account, a channel, a skill, or a skill on a channel. Each field comes from the strongest layer that sets it (LP-4), within the bounds of profile and channel.',
  fields: (t) => ({
    ...fieldMap((name) => {
      const { type, nullable = false, description } = POLICY_FIELDS[name];
      return t.field({
        type: type as 'String',
        nullable,
        description,
        resolve: ({ policy }) =>
          (name === 'overflowSkillId'
            ? policy.overflowSkillId && encodeId('Skill', policy.overflowSkillId)
            : policy[name]) as string,
      });
    }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel of this policy; null for the part that is common to all channels.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill of this policy; null for conversations without a skill.',
      resolve: ({ skillId }, _args, { load }) => load.skill(skillId),
    }),
    origins: t.field({
      type: Origins,
      description: 'The layer from which each field comes.',
      resolve: ({ origins }) => origins,
    }),
    enabledSince: t.field({
      type: Switches,
      description: 'The instants since which each timer is on (SP-6).',
      resolve: ({ enabledSince }) => enabledSince,
    }),
    rulesVersion: t.exposeInt('rulesVersion', {
      description: 'The rules version at which the policy was read.',
    }),
  }),
});

const SetPolicyInput = builder.inputType('SetPolicyInput', {
  description:
    'Sets fields of one policy layer. A field that is left out stays as it is in the layer. A field that is null is removed from the layer and inherited again, except the three fields with null as a value: `autoCloseCaseStatuses`, `overflowSkillId`, `tagOnClose`.',
  fields: (t) => ({
    channelId: t.id({ description: 'The channel of the layer. Absent: the layer is not for one channel.' }),
    skillId: t.id({ description: 'The skill of the layer. Absent: the layer is not for one skill (LP-4).' }),
    why: t.string({ description: WHY }),
    expectedVersion: t.int({
      description:
        'The rules version on which the change is based. If it is not the newest, the result is a ConflictError.',
    }),
    ...(Object.fromEntries(
      POLICY_FIELD_NAMES.map((name) => {
        const { type, input = type, description } = POLICY_FIELDS[name];
        return [name, t.field({ type: input as 'String', description })];
      }),
    ) as Record<never, never>),
  }),
});

builder.mutationField('setPolicy', (t) =>
  t.field({
    type: Policy,
    description:
      'Sets fields of a policy layer, and returns the resulting policy there. The change applies at once to every conversation it concerns (SP-10, LL-3). Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      input: t.arg({
        type: SetPolicyInput,
        required: true,
        description: 'The layer, and the fields to set in it.',
      }),
    },
    errors: {
      types: [OutOfBoundsError, InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'SetPolicyResult',
        description: 'The resulting policy, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { input }, { accountId, actor, deps }) {
      const place: Place = {
        channelId: decodeGiven('Channel', input.channelId, 'channelId'),
        skillId: decodeGiven('Skill', input.skillId, 'skillId'),
      };
      const why = input.why ? readText(input.why, 'why', 1000) : null;
      const fields = readFields(input);
      const asked = { ...place, fields, expectedVersion: input.expectedVersion ?? null };
      const author = { changedBy: actor, why };
      const rules = await deps.afterCommit(setPolicy(deps, accountId, asked, author));
      return policyAt(rules, place);
    },
  }),
);

/** Resolves the policy at a place. The caller has made sure that channel and skill are the account's. */
export function policyAt(rules: AccountRules, place: Place): PolicyAt {
  const resolved =
    place.channelId === null
      ? resolvePolicy(rules.profile, rules.layers, null, place.skillId)
      : settingsFor(rules, place.channelId, place.skillId);
  const { policy, origins } = resolved;
  const [caseStatus = null] = policy.autoCloseCaseStatuses ?? [];
  // No layer of a channel applies to the account as a whole.
  const scope = { channelId: place.channelId ?? '', skillId: place.skillId, caseStatus };
  return {
    ...{ policy, origins, ...place, rulesVersion: rules.version },
    enabledSince: (field) => (policy[field] ? enabledSince(field, scope, rules) : null),
  };
}

function readFields(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = POLICY_FIELD_NAMES.filter((name) => input[name] !== undefined);
  const fields: Record<string, unknown> = Object.fromEntries(given.map((name) => [name, input[name]]));
  if (typeof fields.overflowSkillId === 'string')
    fields.overflowSkillId = decodeId('Skill', fields.overflowSkillId, 'overflowSkillId');
  for (const [index, status] of ((fields.autoCloseCaseStatuses ?? []) as string[]).entries())
    readText(status, `autoCloseCaseStatuses[${index}]`, 100);
  if (typeof fields.tagOnClose === 'string') readText(fields.tagOnClose, 'tagOnClose', 100);
  return fields;
}

function fieldMap(field: (name: PolicyField) => FieldMap[string]): FieldMap {
  return Object.fromEntries(POLICY_FIELD_NAMES.map((name) => [name, field(name)]));
}
