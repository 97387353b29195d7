import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import { type OutageRow, readOutagePage, readOutages } from '../../rules/outage-rows.ts';
import { endOutage, recordOutage } from '../../rules/outages.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import type { Context } from '../core/context.ts';
import { enumOf } from '../core/enums.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { Channel } from '../core/named.ts';
import { readWhy } from '../core/text.ts';

const LIST = 'outage';
const WHY = 'Kept in the history of the rules: up to 1000 characters.';

const OutageKindEnum = enumOf<OutageRow['kind']>('OutageKind', 'Where an outage was.', {
  OUTAGE: "Outside: a channel's messages could not arrive. Recorded by `recordOutage`.",
  DOWNTIME: 'Here: Lull itself was down. Recorded by itself when it was up again, and 2 minutes beyond.',
});

const Outage = builder.objectRef<OutageRow>('Outage');
builder.node(Outage, {
  name: 'Outage',
  description:
    'Time in which messages could not arrive: it does not count (LL-7). Where outages overlap, it is left out once.',
  id: { resolve: ({ id }) => id, description: 'Unique over all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readOutages(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    kind: t.field({ type: OutageKindEnum, description: 'Where it was.', resolve: ({ kind }) => kind }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel whose messages could not arrive; null: those of every channel.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    since: t.field({ type: 'DateTime', description: 'When it began.', resolve: ({ since }) => since }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it ended, or is to end; null: nobody knows yet, and nothing it holds up has a due time.',
      resolve: ({ until }) => until,
    }),
  }),
});

const OutageConnection = builder.connectionObject(
  { type: Outage, name: 'OutageConnection', description: 'A page of outages.' },
  { name: 'OutageEdge', description: 'One of the outages, with its cursor.' },
);

builder.queryField('outages', (t) =>
  t.field({
    type: OutageConnection,
    description: "The account's outages, the one recorded last first (LL-7). Pauses are in `pauses`.",
    args: pageArgs(20),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, LIST, isUuid);
      const rows = await readOutagePage(reads.sql, accountId, page.after, page.limit + 1);
      return toConnection(rows, page, LIST, ({ id }) => id);
    },
  }),
);

builder.mutationField('recordOutage', (t) =>
  t.field({
    type: Outage,
    description:
      'Records that messages could not arrive: that time does not count, and due times are later by it (LL-7). A change of rules: recorded late, it holds from now on and reopens nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      channelId: t.arg.id({ description: 'Only on this channel; absent: on all of them.' }),
      since: t.arg({
        type: 'DateTime',
        required: true,
        description: 'When it began: since 1970, and at most one minute ahead, which is taken as now.',
      }),
      until: t.arg({
        type: 'DateTime',
        description: 'When it ended or will end, not before `since`; absent: it goes on until `endOutage`.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: { name: 'RecordOutageResult', description: 'The outage, or why there is none.' },
    },
    async resolve(_root, args, context) {
      const { accountId, actor, deps } = context;
      const channelId = decodeGiven('Channel', args.channelId, 'channelId');
      const asked = { channelId, since: args.since, until: args.until ?? null };
      const call = callOf(args, 'recordOutage', asked);
      const author = { changedBy: actor, why: readWhy(args.why) };
      return await found(
        context,
        await deps.afterCommit(recordOutage(deps, { accountId, author, call }, asked)),
      );
    },
  }),
);

builder.mutationField('endOutage', (t) =>
  t.field({
    type: Outage,
    description:
      'Ends an outage that goes on, or gives one whose end is still to come another end. What was about to end by itself then has as long as it had when the outage began (LL-7). Of one that is over: an InvalidInputError. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      outageId: t.arg.id({ required: true, description: 'The outage.' }),
      until: t.arg({
        type: 'DateTime',
        description: 'When it ended or will end, not before it began; absent: now.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: { name: 'EndOutageResult', description: 'The outage, or why nothing was changed.' },
    },
    async resolve(_root, args, context) {
      const { accountId, actor, deps } = context;
      const outageId = decodeId('Outage', args.outageId, 'outageId');
      const asked = { outageId, until: args.until ?? null };
      const call = callOf(args, 'endOutage', asked);
      const author = { changedBy: actor, why: readWhy(args.why) };
      return await found(
        context,
        await deps.afterCommit(endOutage(deps, { accountId, author, call }, asked)),
      );
    },
  }),
);

async function found({ accountId, reads }: Context, { id }: { id: string }): Promise<OutageRow> {
  const [outage] = await readOutages(reads.sql, accountId, [id]);
  if (!outage) throw new NotFoundError('outageId', 'outage');
  return outage;
}
