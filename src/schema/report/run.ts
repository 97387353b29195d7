import { readRuns, type Run as StoredRun } from '../../insight/runs.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { EndReasonEnum } from '../core/enums.ts';
import { isVersion } from '../policy/rules-version.ts';

const LIST = 'run';

const RunReason = builder.objectRef<StoredRun['reasons'][number]>('RunReason').implement({
  description: 'The number of conversations that a run ended for one reason.',
  fields: (t) => ({
    reason: t.field({
      type: EndReasonEnum,
      description: 'Why these conversations ended.',
      resolve: ({ reason }) => reason,
    }),
    ended: t.exposeInt('ended', { description: 'The number of these conversations.' }),
  }),
});

const Run = builder.objectRef<StoredRun>('Run').implement({
  description:
    'All ends that one version of the rules caused by itself. Conversations that were reopened since are not counted.',
  fields: (t) => ({
    rulesVersion: t.exposeInt('rulesVersion', {
      description: 'The version of the rules that caused these ends.',
    }),
    ended: t.exposeInt('ended', { description: 'The number of conversations that the run ended.' }),
    reasons: t.field({
      type: [RunReason],
      description: 'The ended conversations divided by reason, the most frequent first.',
      resolve: ({ reasons }) => reasons,
    }),
    firstEndedAt: t.field({
      type: 'DateTime',
      description: 'When the first of these conversations ended.',
      resolve: ({ firstEndedAt }) => firstEndedAt,
    }),
    lastEndedAt: t.field({
      type: 'DateTime',
      description: 'When the last of these conversations ended.',
      resolve: ({ lastEndedAt }) => lastEndedAt,
    }),
  }),
});

const RunConnection = builder.connectionObject(
  { type: Run, name: 'RunConnection', description: 'A page of runs.' },
  { name: 'RunEdge', description: 'A run with its cursor.' },
);

builder.queryField('runs', (t) =>
  t.field({
    type: RunConnection,
    description:
      'The automatic ends of the account by rules version, the newest first. It reads every conversation of the account and fails with UNAVAILABLE after 10 s, so do not refresh it often.',
    args: pageArgs(20),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, LIST, isVersion);
      const before = page.after === null ? null : Number(page.after);
      const rows = await readRuns(reads.sql, accountId, before, page.limit + 1);
      return toConnection(rows, page, LIST, ({ rulesVersion }) => String(rulesVersion));
    },
  }),
);
