import { type RulesVersionRow, readRulesVersions } from '../../rules/rules-history.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { enumOf } from '../core/enums.ts';
import { encodeId } from '../core/ids.ts';
import { Channel, Skill } from '../core/named.ts';

const LIST = 'rules';

const RulesChangeKindEnum = enumOf<RulesVersionRow['kind']>(
  'RulesChangeKind',
  'The object of a change of rules.',
  {
    POLICY: 'A layer of the policy.',
    PROFILE: 'The new profile.',
    CHANNEL: 'Settings, name or calendar of a channel, or a new channel.',
    CALENDAR: 'Open hours or holidays.',
    OUTAGE: 'An outage, or a pause of automatic ends (LL-15).',
    EXEMPT_TAGS: 'The tags that keep a conversation from closing (PE-7).',
    CASE_STATUSES: 'The case statuses of the account (SP-4).',
    ENDPOINT: 'A webhook endpoint.',
  },
);

const RulesVersion = builder.objectRef<RulesVersionRow>('RulesVersion').implement({
  description:
    "A change of the account's rules: who made it, when and why, with the values before and after.",
  fields: (t) => ({
    version: t.exposeInt('version', { description: 'The rules version that the change created.' }),
    kind: t.field({
      type: RulesChangeKindEnum,
      description: 'The object of the change.',
      resolve: (row) => row.kind,
    }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The changed channel; null if the change is not about one channel.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The changed skill; null if the change is not about one skill.',
      resolve: ({ skillId }, _args, { load }) => load.skill(skillId),
    }),
    changedBy: t.exposeString('changedBy', {
      description: 'Who made the change: a key, an agent, or a command at a terminal.',
    }),
    changedAt: t.field({
      type: 'DateTime',
      description: 'When the change was made.',
      resolve: (row) => row.changedAt,
    }),
    why: t.exposeString('why', { nullable: true, description: 'The reason that was given.' }),
    before: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'The values before the change; null if nothing was set.',
      resolve: ({ before }) => before && withGlobalIds(before),
    }),
    after: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'The values after the change; null if nothing is set.',
      resolve: ({ after }) => after && withGlobalIds(after),
    }),
  }),
});

const RulesVersionConnection = builder.connectionObject(
  { type: RulesVersion, name: 'RulesVersionConnection', description: 'A page of the history of rules.' },
  { name: 'RulesVersionEdge', description: 'A change of the rules with its cursor.' },
);

builder.queryField('rulesVersions', (t) =>
  t.field({
    type: RulesVersionConnection,
    description: "Every change of the account's rules, the newest first. The history is append-only.",
    args: pageArgs(20),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, LIST, isVersion);
      const before = page.after === null ? null : Number(page.after);
      const rows = await readRulesVersions(reads.sql, accountId, before, page.limit + 1);
      return toConnection(rows, page, LIST, ({ version }) => String(version));
    },
  }),
);

/** Whether a cursor's text is a version: a number that Postgres and JavaScript both hold exactly. */
export function isVersion(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

/** The history keeps ids as they are stored; clients know them by others. */
function withGlobalIds(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { overflowSkillId, endpointId } = fields;
  return {
    ...fields,
    ...(typeof overflowSkillId === 'string' ? { overflowSkillId: encodeId('Skill', overflowSkillId) } : {}),
    ...(typeof endpointId === 'string' ? { endpointId: encodeId('WebhookEndpoint', endpointId) } : {}),
  };
}
