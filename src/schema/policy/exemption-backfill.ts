import type { Backfill as BackfillRow } from '../../rules/backfill-progress.ts';
import { builder } from '../core/builder.ts';

export const ExemptionBackfill = builder.objectRef<BackfillRow>('ExemptionBackfill').implement({
  description:
    'The work behind a change of the exempt tags: every open conversation is looked at, and sorted by its tags anew. Nothing ends early meanwhile; what the change lets end again may end late, by no more than this takes (PE-7).',
  fields: (t) => ({
    version: t.exposeInt('version', { description: 'The rules version that asked for it.' }),
    scanned: t.exposeInt('scanned', { description: 'Open conversations looked at so far.' }),
    moved: t.exposeInt('moved', { description: 'Conversations that were sorted anew so far.' }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'When the exempt tags changed.',
      resolve: ({ startedAt }) => startedAt,
    }),
    doneAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it was done; null: it goes on. It looks twice, 20 seconds apart, so it is never done sooner.',
      resolve: ({ doneAt }) => doneAt,
    }),
  }),
});
