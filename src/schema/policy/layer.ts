import type { FieldMap } from '@pothos/core';
import { type Layer, scopeOf } from '../../domain/policy/policy.ts';
import { builder } from '../core/builder.ts';
import { PolicyScopeEnum } from '../core/enums.ts';
import { encodeId } from '../core/ids.ts';
import { Channel, Skill } from '../core/named.ts';
import { POLICY_FIELD_NAMES, POLICY_FIELDS } from './policy-fields.ts';

const PolicyLayer = builder.objectRef<Layer>('PolicyLayer').implement({
  description:
    'The fields that are set in one layer of the policy: of the account, a channel, a skill, or a skill on a channel (LP-4).',
  fields: (t) => ({
    scope: t.field({ type: PolicyScopeEnum, description: 'The kind of layer.', resolve: scopeOf }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel of the layer; null if it is not for one channel.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill of the layer; null if it is not for one skill.',
      resolve: ({ skillId }, _args, { load }) => load.skill(skillId),
    }),
    version: t.exposeInt('version', { description: 'The rules version that last changed the layer.' }),
    sets: t.stringList({
      description:
        'The names of the fields that the layer sets. All other fields are inherited, and null here.',
      resolve: ({ fields }) => POLICY_FIELD_NAMES.filter((name) => fields[name] !== undefined),
    }),
    ...(Object.fromEntries(
      POLICY_FIELD_NAMES.map((name) => [
        name,
        t.field({
          type: POLICY_FIELDS[name].type as 'String',
          nullable: true,
          description: POLICY_FIELDS[name].description,
          resolve: ({ fields }) =>
            (name === 'overflowSkillId'
              ? fields.overflowSkillId && encodeId('Skill', fields.overflowSkillId)
              : fields[name]) as string | null | undefined,
        }),
      ]),
    ) as FieldMap),
  }),
});

builder.queryField('policyLayers', (t) =>
  t.field({
    type: [PolicyLayer],
    description:
      "The layers of the account's policy with the fields they set, the weakest layer first (LP-4).",
    async resolve(_root, _args, { load }) {
      const { layers } = await load.rules();
      return [...layers].sort((a, b) => place(a) - place(b) || a.version - b.version);
    },
  }),
);

function place({ channelId, skillId }: Layer): number {
  return (channelId === null ? 0 : 1) + (skillId === null ? 0 : 2);
}
