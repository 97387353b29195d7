import { ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { pause, resume } from '../../rules/pause.ts';
import { type PauseRow, readPauses } from '../../rules/pause-rows.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { decodeGiven } from '../core/ids.ts';
import { Channel } from '../core/named.ts';
import { readWhy, WHY } from '../core/text.ts';

const Pause = builder.objectRef<PauseRow>('Pause').implement({
  description: 'An active pause of automatic ends (LL-15).',
  fields: (t) => ({
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The paused channel; null for all channels of the account.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    since: t.field({ type: 'DateTime', description: 'When the pause began.', resolve: ({ since }) => since }),
  }),
});
const Pauses = builder.objectRef<{ pauses: PauseRow[] }>('Pauses').implement({
  description: 'The result of a change of pauses.',
  fields: (t) => ({
    pauses: t.field({
      type: [Pause],
      description: 'All active pauses after the change, the oldest first.',
      resolve: ({ pauses }) => pauses,
    }),
  }),
});

builder.queryField('pauses', (t) =>
  t.field({
    type: [Pause],
    description: 'The active pauses of automatic ends, the oldest first (LL-15).',
    resolve: (_root, _args, { accountId, reads }) => readPauses(reads.sql, accountId),
  }),
);

const CHANGES = [
  {
    name: 'pauseAutomaticEnds',
    change: pause,
    description:
      'Pauses all automatic ends of a channel, or of the whole account, at once (LL-15). Paused time does not count, and nothing is due. A hold still ends at its time. Pausing again changes nothing.',
  },
  {
    name: 'resumeAutomaticEnds',
    change: resume,
    description:
      'Ends the pause of a channel, or that of the account; other pauses stay (LL-15). Each conversation has as much time left as when the pause began, so nothing ends because of the pause. If there is no such pause, nothing changes.',
  },
];
for (const { name, change, description } of CHANGES)
  builder.mutationField(name, (t) =>
    t.field({
      type: Pauses,
      description: `${description} A repeated call changes nothing. Needs the scope \`policies:write\`.`,
      authScopes: { scope: 'policies:write' },
      args: {
        channelId: t.arg.id({ description: 'The channel. Absent: the whole account.' }),
        why: t.arg.string({
          description: WHY,
        }),
      },
      errors: {
        types: [InvalidInputError, NotFoundError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The active pauses, or the error; nothing was changed then.',
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
