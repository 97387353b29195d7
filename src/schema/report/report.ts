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

const ReportGroupingEnum = enumOf<ReportGrouping>('ReportGrouping', 'What the groups of a report go by.', {
  NONE: 'No groups: the total alone.',
  CHANNEL: 'The channel.',
  SKILL: 'The skill that the conversation has now.',
  AGENT:
    'The agent credited with the end (SP-8). What has not ended credits nobody, so that no agent is charged with what is still open.',
});

const ReportReason = builder.objectRef<Figures['reasons'][number]>('ReportReason').implement({
  description: 'How many conversations were closed for one reason.',
  fields: (t) => ({
    reason: t.field({ type: EndReasonEnum, description: 'The reason.', resolve: ({ reason }) => reason }),
    closed: t.exposeInt('closed', { description: 'How many of `totalClosed`.' }),
  }),
});

const ReportEnder = builder.objectRef<Figures['enders'][number]>('ReportEnder').implement({
  description: 'How many conversations somebody of one role closed (PE-14).',
  fields: (t) => ({
    by: t.field({ type: EndedByEnum, description: 'Who.', resolve: ({ by }) => by }),
    closed: t.exposeInt('closed', { description: 'How many of `totalClosed`.' }),
  }),
});

const ReportLateness = builder.objectRef<NonNullable<Row['lateness']>>('ReportLateness').implement({
  description:
    'How late automatic ends were, each after the earliest instant at which it could have been ended, in whole milliseconds (LL-13).',
  fields: (t) => ({
    p50Ms: t.exposeFloat('p50Ms', { description: 'Half of them were as late as this or less.' }),
    p99Ms: t.exposeFloat('p99Ms', { description: '99 of 100 of them were as late as this or less.' }),
  }),
});

const ReportFigures = builder.objectRef<Figures>('ReportFigures').implement({
  description: 'What was closed in the period, all of it or only the automatic or manual ends (SP-9, SP-12).',
  fields: (t) => ({
    totalClosed: t.exposeInt('totalClosed', {
      description:
        'Conversations that ended in the period and are still ended, whenever they were started (SP-9). One that was reopened or revoked since is not closed.',
    }),
    samePeriodClosed: t.exposeInt('samePeriodClosed', {
      description: 'Those of them that were started in the period as well (SP-9).',
    }),
    caseCompletionRate: t.exposeFloat('caseCompletionRate', {
      nullable: true,
      description:
        "`samePeriodClosed` divided by the row's `started`, from 0 to 1 (SP-9): the automatic and the manual rate add up to that of all. Null when none was started.",
    }),
    averageHandleTime: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'The mean time from the start of a conversation to its end, over those of `totalClosed` (SP-9), rounded to the millisecond. It is wall time, closed hours included. Null when none was closed.',
      resolve: ({ averageHandleTime }) => averageHandleTime,
    }),
    reasons: t.field({
      type: [ReportReason],
      description: 'How many of `totalClosed` for which reason, the most frequent first.',
      resolve: ({ reasons }) => reasons,
    }),
    enders: t.field({
      type: [ReportEnder],
      description: 'How many of `totalClosed` were ended by whom, the most frequent first (PE-14).',
      resolve: ({ enders }) => enders,
    }),
  }),
});

const ReportRow = builder.objectRef<Row>('ReportRow').implement({
  description: 'The figures of a period: of all its conversations, or of a group.',
  fields: (t) => ({
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel of the group; null: it goes by something else.',
      resolve: ({ by, groupId }, _args, { load }) => load.channel(by === 'CHANNEL' ? groupId : null),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill of the group; null: it goes by something else, or is of those without one.',
      resolve: ({ by, groupId }, _args, { load }) => load.skill(by === 'SKILL' ? groupId : null),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description:
        'The agent credited with the ends of the group (SP-8); null: it goes by something else, or is of those that credit nobody, the ones still open among them.',
      resolve: ({ by, groupId }, _args, { load }) => load.agent(by === 'AGENT' ? groupId : null),
    }),
    started: t.exposeInt('started', {
      description:
        'Conversations started in the period, however they stand now (SP-9). A reopened one is not started again.',
    }),
    all: t.field({ type: ReportFigures, description: 'All ends.', resolve: ({ all }) => all }),
    automatic: t.field({
      type: ReportFigures,
      description: 'Only what a timer ended: ends that have a `latenessMs` (SP-12).',
      resolve: ({ automatic }) => automatic,
    }),
    manual: t.field({
      type: ReportFigures,
      description:
        'Only what no timer ended: commands, and what follows at once from a message, such as an opt-out (SP-12).',
      resolve: ({ manual }) => manual,
    }),
    lateness: t.field({
      type: ReportLateness,
      nullable: true,
      description: 'How late the automatic ends were (LL-13); null without any.',
      resolve: ({ lateness }) => lateness,
    }),
  }),
});

const Report = builder.objectRef<Reported>('Report').implement({
  description:
    'What was started and closed in a period (SP-9), automatic apart from manual (SP-12), from the conversations as they stand now: those reopened since are no longer closed, and those no longer kept no longer count.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'Where the period begins.', resolve: ({ from }) => from }),
    until: t.field({
      type: 'DateTime',
      description: 'Where it ends; this instant is no longer in it.',
      resolve: ({ until }) => until,
    }),
    total: t.field({
      type: ReportRow,
      description: 'All conversations that the report is of.',
      resolve: ({ total }) => total,
    }),
    groups: t.field({
      type: [ReportRow],
      description: `The groups that anything was started or closed in, those with the most conversations first, at most ${MAX_GROUPS}. Those of one report share no conversation.`,
      resolve: ({ groups }) => groups,
    }),
    hasMoreGroups: t.exposeBoolean('hasMoreGroups', {
      description: `Whether there are more than the ${MAX_GROUPS} groups shown; the total counts those too.`,
    }),
  }),
});

builder.queryField('report', (t) =>
  t.field({
    type: Report,
    description: `What was started and closed in a period, from \`from\` on and before \`until\` (SP-9). It reads every conversation of the account, and gives up after 10 s with the code UNAVAILABLE: for a report, not for a page that refreshes itself. INVALID_INPUT names \`until\` unless it is after \`from\` and at most ${MAX_PERIOD_DAYS} days later; NOT_FOUND names a channel or skill that the account does not have.`,
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'Where the period begins.' }),
      until: t.arg({
        type: 'DateTime',
        required: true,
        description: `Where it ends, itself not in it: after from, at most ${MAX_PERIOD_DAYS} days of 24 hours later.`,
      }),
      by: t.arg({
        type: ReportGroupingEnum,
        required: true,
        defaultValue: 'NONE',
        description: 'What its groups go by.',
      }),
      channelId: t.arg.id({ description: 'Only on this channel; absent: on all.' }),
      skillId: t.arg.id({ description: 'Only with this skill; absent: with any, or none.' }),
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
