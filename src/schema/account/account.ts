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
  description: 'A tenant: whose key this is.',
  id: { resolve: (account) => account.id, description: 'Unique over all types.' },
  loadManyWithoutCache: async (ids, { accountId, load }) => {
    const account = await load.account();
    return ids.map((id) => (id === accountId ? account : null));
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people.' }),
    profile: t.exposeString('profile', {
      description: 'The named set of bounds, defaults and reset rules it runs on, as `setProfile` takes it.',
    }),
    calendar: t.field({
      type: Calendar,
      nullable: true,
      description:
        'What timers run on wherever a channel has no calendar of its own (PE-8); null: there it is always open.',
      resolve: ({ calendarId }, _args, { load }) => load.calendar(calendarId),
    }),
    caseStatuses: t.stringList({
      description: 'The case statuses that its conversations can have (SP-4).',
      resolve: async (_account, _args, { load }) => [...(await load.rules()).caseStatuses],
    }),
    exemptTags: t.stringList({
      description: 'The tags that exempt a conversation from every timer but its protection (PE-7).',
      resolve: async (_account, _args, { load }) => [...(await load.rules()).exemptTags],
    }),
    exemptionBackfill: t.field({
      type: ExemptionBackfill,
      nullable: true,
      description:
        'How far the work behind the last change of the exempt tags has come (PE-7); null: they have never changed.',
      resolve: (_account, _args, { accountId, reads }) => readBackfill(reads.sql, accountId),
    }),
    rulesVersion: t.exposeInt('rulesVersion', {
      description: 'How often its rules have changed; what `setPolicy` takes as expectedVersion.',
    }),
    rulesSince: t.field({
      type: 'DateTime',
      description: 'When the rules last changed.',
      resolve: (account) => account.rulesSince,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: (account) => account.createdAt,
    }),
    keysOutliveMaker: t.exposeBoolean('keysOutliveMaker', {
      description:
        'Whether keys that are made by a key or a token stay valid once that has ended; false at first. See `setKeysOutliveMaker`.',
    }),
    policy: t.field({
      type: Policy,
      description: 'The policy at a place, with the origin of every field (LP-4).',
      args: {
        channelId: t.arg.id({ description: "On this channel; absent: what holds but for channels' own." }),
        skillId: t.arg.id({ description: 'For this skill; absent: for conversations without one.' }),
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
    description: "The key's account.",
    resolve: (_root, _args, { load }) => load.account(),
  }),
);
