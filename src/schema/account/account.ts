import { NotFoundError } from '../../domain/errors.ts';
import type { AccountRow } from '../../insight/reads/account.ts';
import { readBackfill } from '../../rules/backfill-progress.ts';
import { builder } from '../core/builder.ts';
import { decodeGiven } from '../core/ids.ts';
import { Calendar } from '../core/named.ts';
import { ExemptionBackfill } from '../policy/exemption-backfill.ts';
import { Policy, policyAt } from '../policy/policy.ts';

export const Account = builder.objectRef<AccountRow>('Account');

builder.node(Account, {
  name: 'Account',
  description:
    'One customer of this service, with its own rules, keys and conversations. A key belongs to one account.',
  id: { resolve: (account) => account.id, description: 'The global id: unique across all types, opaque.' },
  loadManyWithoutCache: async (ids, { accountId, load }) => {
    const account = await load.account();
    return ids.map((id) => (id === accountId ? account : null));
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name to show to people.' }),
    profile: t.exposeString('profile', {
      description:
        'The profile: the set of bounds, defaults and reset rules that the account uses. `setProfile` changes it.',
    }),
    calendar: t.field({
      type: Calendar,
      nullable: true,
      description:
        'The calendar of all channels without one of their own (PE-8); null: these channels are always open.',
      resolve: ({ calendarId }, _args, { load }) => load.calendar(calendarId),
    }),
    caseStatuses: t.stringList({
      description: 'The case statuses that conversations can have (SP-4).',
      resolve: async (_account, _args, { load }) => [...(await load.rules()).caseStatuses],
    }),
    exemptTags: t.stringList({
      description:
        'The exempt tags: no timer acts on a conversation with one of them, except the end of a hold and the protection (PE-7).',
      resolve: async (_account, _args, { load }) => [...(await load.rules()).exemptTags],
    }),
    exemptionBackfill: t.field({
      type: ExemptionBackfill,
      nullable: true,
      description:
        'The progress of the background work after the last change of the exempt tags (PE-7); null if they never changed.',
      resolve: (_account, _args, { accountId, reads }) => readBackfill(reads.sql, accountId),
    }),
    rulesVersion: t.exposeInt('rulesVersion', {
      description:
        'The version of the rules, which grows by one with each change. `setPolicy` takes it as `expectedVersion`.',
    }),
    rulesSince: t.field({
      type: 'DateTime',
      description: 'When the rules last changed.',
      resolve: (account) => account.rulesSince,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the endpoint was created.',
      resolve: (account) => account.createdAt,
    }),
    keysOutliveMaker: t.exposeBoolean('keysOutliveMaker', {
      description:
        'Whether a key stays valid after the key or token that created it has ended; false by default. See `setKeysOutliveMaker`.',
    }),
    policy: t.field({
      type: Policy,
      description:
        'The policy of the account, a channel, a skill, or a skill on a channel, with the origin of every field (LP-4).',
      args: {
        channelId: t.arg.id({
          description: 'The channel of the policy. Absent: the part that is common to all channels.',
        }),
        skillId: t.arg.id({
          description: 'The skill of the policy. Absent: the policy of conversations without a skill.',
        }),
      },
      async resolve(_account, args, { load }) {
        const channelId = decodeGiven('Channel', args.channelId, 'channelId');
        const skillId = decodeGiven('Skill', args.skillId, 'skillId');
        const [channel, skill] = await Promise.all([load.channel(channelId), load.skill(skillId)]);
        if (channelId !== null && channel === null) throw new NotFoundError('channelId', 'channel');
        if (skillId !== null && skill === null) throw new NotFoundError('skillId', 'skill');
        return policyAt(await load.rules(), { channelId, skillId });
      },
    }),
  }),
});

builder.queryField('account', (t) =>
  t.field({
    type: Account,
    description: 'The account of the key.',
    resolve: (_root, _args, { load }) => load.account(),
  }),
);
