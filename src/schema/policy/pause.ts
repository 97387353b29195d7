import { ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { pause, resume } from '../../rules/pause.ts';
import { type PauseRow, readPauses } from '../../rules/pause-rows.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { decodeGiven } from '../core/ids.ts';
import { Channel } from '../core/named.ts';
import { readWhy } from '../core/text.ts';

const Pause = builder.objectRef<PauseRow>('Pause').implement({
  description: 'A pause of automatic ends that is on (LL-15).',
  fields: (t) => ({
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'Where; null: on every channel of the account.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    since: t.field({ type: 'DateTime', description: 'Since when.', resolve: ({ since }) => since }),
  }),
});
const Pauses = builder.objectRef<{ pauses: PauseRow[] }>('Pauses').implement({
  description: 'Where automatic ends are paused.',
  fields: (t) => ({
    pauses: t.field({
      type: [Pause],
      description: 'The pauses that are on, the oldest first.',
      resolve: ({ pauses }) => pauses,
    }),
  }),
});

builder.queryField('pauses', (t) =>
  t.field({
    type: [Pause],
    description: 'The pauses of automatic ends that are on, the oldest first (LL-15).',
    resolve: (_root, _args, { accountId, reads }) => readPauses(reads.sql, accountId),
  }),
);

const CHANGES = [
  {
    name: 'pauseAutomaticEnds',
    change: pause,
    description:
      'Stops everything that happens by itself on a channel or the whole account, at once: while it is paused no time counts, and nothing is due (LL-15). A hold still ends when it was said to. Paused already: it stays as it is.',
  },
  {
    name: 'resumeAutomaticEnds',
    change: resume,
    description:
      'Ends the pause of a channel, or that of the account; others go on. Whatever was about to end then has as long as it had when the pause began: nothing ends because time stood still (LL-15). Not paused: nothing changes.',
  },
];
for (const { name, change, description } of CHANGES)
  builder.mutationField(name, (t) =>
    t.field({
      type: Pauses,
      description: `${description} The same call again changes nothing. Needs the scope \`policies:write\`.`,
      authScopes: { scope: 'policies:write' },
      args: {
        channelId: t.arg.id({ description: 'Only on this channel; absent: the account.' }),
        why: t.arg.string({ description: 'Kept in the history of the rules: up to 1000 characters.' }),
      },
      errors: {
        types: [InvalidInputError, NotFoundError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The pauses that are then on, or why nothing was changed.',
        },
      },
      resolve: (_root, args, context) => changed(context, change, args),
    }),
  );

async function changed(
  { accountId, actor, deps, reads }: Context,
  change: typeof pause,
  { channelId, why }: { channelId?: string | null | undefined; why?: string | null | undefined },
) {
  const place = decodeGiven('Channel', channelId, 'channelId');
  await deps.afterCommit(change(deps, accountId, place, { changedBy: actor, why: readWhy(why) }));
  return { pauses: await readPauses(reads.sql, accountId) };
}
