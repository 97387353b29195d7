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
import { readText } from '../core/text.ts';
import { Origin } from './origin.ts';
import { POLICY_FIELD_NAMES, POLICY_FIELDS } from './policy-fields.ts';

/** Where a policy is asked for: both null is the account itself. */
export type Place = { channelId: string | null; skillId: string | null };
type EnabledSince = (field: SwitchField) => Date | null;
type PolicyAt = ResolvedPolicy & Place & { rulesVersion: number; enabledSince: EnabledSince };

const Switches = builder.objectRef<EnabledSince>('PolicySwitches').implement({
  description:
    'Since when each timer is on at a place: what has been idle since before then stays open until something counts as activity again (SP-6). Null: from the beginning, or it is off.',
  fields: (t) =>
    Object.fromEntries(
      (Object.keys(SWITCHES) as SwitchField[]).map((name) => [
        name,
        t.field({
          type: 'DateTime',
          nullable: true,
          description: `Since when \`${name}\` is on.`,
          resolve: (enabledSince) => enabledSince(name),
        }),
      ]),
    ),
});

const Origins = builder.objectRef<PolicyAt['origins']>('PolicyOrigins').implement({
  description: 'Where each field of a policy comes from (LL-1).',
  fields: (t) =>
    fieldMap((name) =>
      t.field({
        type: Origin,
        description: `Where \`${name}\` comes from.`,
        resolve: (origins) => origins[name],
      }),
    ),
});

export const Policy = builder.objectRef<PolicyAt>('Policy').implement({
  description:
    'The policy that holds at a place: each field from the strongest layer that sets it (LP-4), within what the profile and the channel allow.',
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
      description: 'The channel it holds on; null: whatever sets no more for a channel.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill it holds for; null: conversations without one.',
      resolve: ({ skillId }, _args, { load }) => load.skill(skillId),
    }),
    origins: t.field({
      type: Origins,
      description: 'Where each field comes from.',
      resolve: ({ origins }) => origins,
    }),
    enabledSince: t.field({
      type: Switches,
      description: 'Since when each timer is on here (SP-6).',
      resolve: ({ enabledSince }) => enabledSince,
    }),
    rulesVersion: t.exposeInt('rulesVersion', { description: 'The version of the rules it was read at.' }),
  }),
});

const SetPolicyInput = builder.inputType('SetPolicyInput', {
  description:
    'Sets fields of one layer of the policy. A field that is left out stays as it is in the layer; one that is null is unset there and inherited again, but for the three where null is a value (`autoCloseCaseStatuses`, `overflowSkillId`, `tagOnClose`).',
  fields: (t) => ({
    channelId: t.id({ description: "The layer's channel; absent: not for one channel." }),
    skillId: t.id({ description: "The layer's skill; absent: not for one skill (LP-4)." }),
    why: t.string({ description: 'Kept in the history of the rules: up to 1000 characters.' }),
    expectedVersion: t.int({
      description: 'The rules version this was decided on; where it is not the newest, ConflictError.',
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
      'Sets fields of a policy layer, in force at once for every conversation it concerns (SP-10, LL-3). Answers the policy that then holds there. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: { input: t.arg({ type: SetPolicyInput, required: true, description: 'What to set, and where.' }) },
    errors: {
      types: [OutOfBoundsError, InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: { name: 'SetPolicyResult', description: 'The policy, or why nothing was changed.' },
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
  return {
    ...{ policy, origins, ...place, rulesVersion: rules.version },
    enabledSince: (field) =>
      policy[field]
        ? enabledSince(
            ...([field, rules.history, rules.firstProfile] as const),
            // No layer of a channel concerns what is on none.
            ...([place.channelId ?? '', place.skillId, caseStatus] as const),
          )
        : null,
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
