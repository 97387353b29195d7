import type { Backfill as BackfillRow } from '../../rules/backfill-progress.ts';
import { builder } from '../core/builder.ts';

export const ExemptionBackfill = builder.objectRef<BackfillRow>('ExemptionBackfill').implement({
  description:
    'The background work after a change of the exempt tags (PE-7). It re-examines every open conversation. Nothing ends early meanwhile. Conversations that lost their exemption may end late, until this is done.',
  fields: (t) => ({
    version: t.exposeInt('version', { description: 'The rules version of the changed exempt tags.' }),
    scanned: t.exposeInt('scanned', {
      description: 'The number of open conversations that were examined so far.',
    }),
    moved: t.exposeInt('moved', {
      description: 'The number of conversations that changed their exemption so far.',
    }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'When the exempt tags were changed.',
      resolve: ({ startedAt }) => startedAt,
    }),
    doneAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the backfill finished; null while it runs. It examines everything twice, 20 seconds apart, so it takes at least that long.',
      resolve: ({ doneAt }) => doneAt,
    }),
  }),
});
