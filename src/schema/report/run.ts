import { readRuns, type Run as StoredRun } from '../../insight/runs.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { EndReasonEnum } from '../core/enums.ts';
import { isVersion } from '../policy/rules-version.ts';

const LIST = 'run';

const RunReason = builder.objectRef<StoredRun['reasons'][number]>('RunReason').implement({
  description: 'How many conversations a run has ended for one reason.',
  fields: (t) => ({
    reason: t.field({ type: EndReasonEnum, description: 'The reason.', resolve: ({ reason }) => reason }),
    ended: t.exposeInt('ended', { description: 'How many.' }),
  }),
});

const Run = builder.objectRef<StoredRun>('Run').implement({
  description:
    'All that one version of the rules has ended by itself. What was reopened or revoked since is no longer counted.',
  fields: (t) => ({
    rulesVersion: t.exposeInt('rulesVersion', { description: 'The version of the rules.' }),
    ended: t.exposeInt('ended', { description: 'How many conversations it has ended.' }),
    reasons: t.field({
      type: [RunReason],
      description: 'How many for which reason, the most frequent first.',
      resolve: ({ reasons }) => reasons,
    }),
    firstEndedAt: t.field({
      type: 'DateTime',
      description: 'When the first of them ended.',
      resolve: ({ firstEndedAt }) => firstEndedAt,
    }),
    lastEndedAt: t.field({
      type: 'DateTime',
      description: 'When the last of them ended.',
      resolve: ({ lastEndedAt }) => lastEndedAt,
    }),
  }),
});

const RunConnection = builder.connectionObject(
  { type: Run, name: 'RunConnection', description: 'A page of runs.' },
  { name: 'RunEdge', description: 'One of the runs, with its cursor.' },
);

builder.queryField('runs', (t) =>
  t.field({
    type: RunConnection,
    description:
      "What the account's rules have ended by themselves, by version, the newest first. It reads every conversation of the account, and gives up after 10 s with the code UNAVAILABLE: for a report, not for a page that refreshes itself.",
    args: pageArgs(20),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, LIST, isVersion);
      const before = page.after === null ? null : Number(page.after);
      const rows = await readRuns(reads.sql, accountId, before, page.limit + 1);
      return toConnection(rows, page, LIST, ({ rulesVersion }) => String(rulesVersion));
    },
  }),
);
