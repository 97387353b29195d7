import { NotFoundError } from '../../domain/errors.ts';
import {
  type Figures,
  MAX_GROUPS,
  MAX_PERIOD_DAYS,
  type ReportRow as ReportedRow,
  type ReportGrouping,
  report,
} from '../../insight/reports.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { EndedByEnum, EndReasonEnum, enumOf } from '../core/enums.ts';
import { decodeGiven } from '../core/ids.ts';
import { Agent, Channel, Skill } from '../core/named.ts';

type Row = ReportedRow & { by: ReportGrouping };
type Reported = { from: Date; until: Date; total: Row; groups: Row[]; hasMoreGroups: boolean };

const ReportGroupingEnum = enumOf<ReportGrouping>(
  'ReportGrouping',
  'The property by which a report forms its groups.',
  {
    NONE: 'No groups, only the total.',
    CHANNEL: 'The channel of the conversation.',
    SKILL: 'The present skill of the conversation.',
    AGENT:
      'The agent credited with the end (SP-8). Open conversations credit no agent, so that no agent is charged with them.',
  },
);

const ReportReason = builder.objectRef<Figures['reasons'][number]>('ReportReason').implement({
  description: 'The number of conversations that were closed for one reason.',
  fields: (t) => ({
    reason: t.field({
      type: EndReasonEnum,
      description: 'Why these conversations ended.',
      resolve: ({ reason }) => reason,
    }),
    closed: t.exposeInt('closed', {
      description: 'The number of these conversations, as a part of `totalClosed`.',
    }),
  }),
});

const ReportEnder = builder.objectRef<Figures['enders'][number]>('ReportEnder').implement({
  description: 'The number of conversations that one role closed (PE-14).',
  fields: (t) => ({
    by: t.field({
      type: EndedByEnum,
      description: 'The role that ended these conversations.',
      resolve: ({ by }) => by,
    }),
    closed: t.exposeInt('closed', {
      description: 'The number of these conversations, as a part of `totalClosed`.',
    }),
  }),
});

const ReportLateness = builder.objectRef<NonNullable<Row['lateness']>>('ReportLateness').implement({
  description:
    'The lateness of automatic ends, in whole milliseconds: from the earliest instant at which the conversation could have ended (LL-13).',
  fields: (t) => ({
    p50Ms: t.exposeFloat('p50Ms', { description: 'The median: half of the ends were at most this late.' }),
    p99Ms: t.exposeFloat('p99Ms', {
      description: 'The 99th percentile: 99 % of the ends were at most this late.',
    }),
  }),
});

const ReportFigures = builder.objectRef<Figures>('ReportFigures').implement({
  description:
    'Figures about conversations that were closed in the period: by all ends, or only by the automatic or the manual ones (SP-9, SP-12).',
  fields: (t) => ({
    totalClosed: t.exposeInt('totalClosed', {
      description:
        'The number of conversations that ended in the period and are still ended, whenever they started (SP-9). A conversation that was reopened since is not counted.',
    }),
    samePeriodClosed: t.exposeInt('samePeriodClosed', {
      description: 'The number of these conversations that also started in the period (SP-9).',
    }),
    caseCompletionRate: t.exposeFloat('caseCompletionRate', {
      nullable: true,
      description:
        '`samePeriodClosed` divided by `started` of the same row, from 0 to 1 (SP-9). The automatic and the manual rate add up to the rate of all. Null if none was started.',
    }),
    averageHandleTime: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'The mean time from start to end of the conversations in `totalClosed` (SP-9), rounded to milliseconds. Closed hours count as well. Null if none was closed.',
      resolve: ({ averageHandleTime }) => averageHandleTime,
    }),
    reasons: t.field({
      type: [ReportReason],
      description: '`totalClosed` divided by reason, the most frequent first.',
      resolve: ({ reasons }) => reasons,
    }),
    enders: t.field({
      type: [ReportEnder],
      description:
        '`totalClosed` divided by the role that ended the conversation, the most frequent first (PE-14).',
      resolve: ({ enders }) => enders,
    }),
  }),
});

const ReportRow = builder.objectRef<Row>('ReportRow').implement({
  description: 'The figures of a period, for all conversations or for one group.',
  fields: (t) => ({
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel of the group; null if the report is not grouped by channel.',
      resolve: ({ by, groupId }, _args, { load }) => load.channel(by === 'CHANNEL' ? groupId : null),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description:
        'The skill of the group; null for conversations without a skill, or if the report is not grouped by skill.',
      resolve: ({ by, groupId }, _args, { load }) => load.skill(by === 'SKILL' ? groupId : null),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description:
        'The agent credited with the ends of the group (SP-8); null for conversations that credit no agent, open ones included, or if the report is not grouped by agent.',
      resolve: ({ by, groupId }, _args, { load }) => load.agent(by === 'AGENT' ? groupId : null),
    }),
    started: t.exposeInt('started', {
      description:
        'The number of conversations that started in the period, in whatever status they are now (SP-9). A reopened conversation did not start again.',
    }),
    all: t.field({ type: ReportFigures, description: 'The figures of all ends.', resolve: ({ all }) => all }),
    automatic: t.field({
      type: ReportFigures,
      description: 'The figures of ends by a timer, which have a `latenessMs` (SP-12).',
      resolve: ({ automatic }) => automatic,
    }),
    manual: t.field({
      type: ReportFigures,
      description:
        'The figures of other ends: by a command, or as a consequence of a message, such as an opt-out (SP-12).',
      resolve: ({ manual }) => manual,
    }),
    lateness: t.field({
      type: ReportLateness,
      nullable: true,
      description: 'The lateness of the automatic ends (LL-13); null if there were none.',
      resolve: ({ lateness }) => lateness,
    }),
  }),
});

const Report = builder.objectRef<Reported>('Report').implement({
  description:
    'The conversations that were started and closed in a period (SP-9), with automatic and manual ends apart (SP-12). The figures describe conversations as they are now: reopened ones are not closed, and deleted ones do not count.',
  fields: (t) => ({
    from: t.field({
      type: 'DateTime',
      description: 'The beginning of the period.',
      resolve: ({ from }) => from,
    }),
    until: t.field({
      type: 'DateTime',
      description: 'The end of the period, which is not part of it.',
      resolve: ({ until }) => until,
    }),
    total: t.field({
      type: ReportRow,
      description: 'The figures of all conversations of the report.',
      resolve: ({ total }) => total,
    }),
    groups: t.field({
      type: [ReportRow],
      description: `The groups with at least one started or closed conversation, the largest first, at most ${MAX_GROUPS}. A conversation is in one group only.`,
      resolve: ({ groups }) => groups,
    }),
    hasMoreGroups: t.exposeBoolean('hasMoreGroups', {
      description: `Whether there are more than ${MAX_GROUPS} groups. The total includes all of them.`,
    }),
  }),
});

builder.queryField('report', (t) =>
  t.field({
    type: Report,
    description: `Counts the conversations that were started and closed from \`from\` until just before \`until\` (SP-9). It reads every conversation of the account and fails with UNAVAILABLE after 10 s, so do not refresh it often. INVALID_INPUT names \`until\` unless it is after \`from\` and at most ${MAX_PERIOD_DAYS} days later. NOT_FOUND names an unknown channel or skill.`,
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'The beginning of the period.' }),
      until: t.arg({
        type: 'DateTime',
        required: true,
        description: `The end of the period, which is not part of it: after \`from\`, and at most ${MAX_PERIOD_DAYS} days of 24 hours later.`,
      }),
      by: t.arg({
        type: ReportGroupingEnum,
        required: true,
        defaultValue: 'NONE',
        description: 'How to group the conversations.',
      }),
      channelId: t.arg.id({ description: 'Only conversations on this channel. Absent: on all channels.' }),
      skillId: t.arg.id({
        description: 'Only conversations with this skill. Absent: with any skill or none.',
      }),
    },
    async resolve(_root, { from, until, by, ...given }, context) {
      const place = await readPlace(given, context);
      const { total, groups, hasMoreGroups } = await report(context.reads.sql, context.accountId, {
        ...{ from, until, by },
        ...place,
      });
      const groupedBy = (row: ReportedRow) => ({ ...row, by });
      return {
        ...{ from, until, hasMoreGroups },
        total: { ...total, by: 'NONE' as const },
        groups: groups.map(groupedBy),
      };
    },
  }),
);

type Given = { channelId?: string | null | undefined; skillId?: string | null | undefined };

/** Reads the ids of a channel and a skill, where given. @throws InvalidInputError or NotFoundError naming the field */
async function readPlace(given: Given, { load }: Context) {
  const channelId = decodeGiven('Channel', given.channelId, 'channelId');
  const skillId = decodeGiven('Skill', given.skillId, 'skillId');
  const [channel, skill] = await Promise.all([load.channel(channelId), load.skill(skillId)]);
  if (channelId !== null && channel === null) throw new NotFoundError('channelId', 'channel');
  if (skillId !== null && skill === null) throw new NotFoundError('skillId', 'skill');
  return { channelId, skillId };
}
