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
import { readWhy, WHY } from '../core/text.ts';

const LIST = 'outage';

const OutageKindEnum = enumOf<OutageRow['kind']>('OutageKind', 'The cause of an outage.', {
  OUTAGE: "A channel's messages could not arrive. Recorded with `recordOutage`.",
  DOWNTIME: 'Lull itself was down. Lull records this when it starts again, and adds 2 minutes.',
});

const Outage = builder.objectRef<OutageRow>('Outage');
builder.node(Outage, {
  name: 'Outage',
  description:
    'A period in which messages could not arrive. It does not count as silence (LL-7). Overlapping outages are subtracted once.',
  id: { resolve: ({ id }) => id, description: 'A global id, unique across all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readOutages(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    kind: t.field({
      type: OutageKindEnum,
      description: 'The cause of the outage.',
      resolve: ({ kind }) => kind,
    }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel whose messages could not arrive; null for all channels.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    since: t.field({
      type: 'DateTime',
      description: 'When the outage began.',
      resolve: ({ since }) => since,
    }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the outage ended or will end; null while that is unknown. Until then its conversations have no due time.',
      resolve: ({ until }) => until,
    }),
  }),
});

const OutageConnection = builder.connectionObject(
  { type: Outage, name: 'OutageConnection', description: 'A page of outages.' },
  { name: 'OutageEdge', description: 'An outage with its cursor.' },
);

builder.queryField('outages', (t) =>
  t.field({
    type: OutageConnection,
    description: 'The outages of the account, the latest recorded first (LL-7). Pauses are in `pauses`.',
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
      'Records that messages could not arrive (LL-7). That time does not count, so due times move later. This is a change of rules: an outage that is recorded afterwards applies from now on and reopens nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      channelId: t.arg.id({ description: 'The channel of the outage. Absent: all channels.' }),
      since: t.arg({
        type: 'DateTime',
        required: true,
        description: 'When it began: since 1970, and at most one minute in the future, which counts as now.',
      }),
      until: t.arg({
        type: 'DateTime',
        description: 'When it ended or will end, not before `since`. Absent: it continues until `endOutage`.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'RecordOutageResult',
        description: 'The recorded outage, or the error; nothing was recorded then.',
      },
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
      'Ends an outage, or changes an end that is still in the future. Each conversation then has as much time left as when the outage began (LL-7). If the outage is over, the result is an InvalidInputError. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      outageId: t.arg.id({ required: true, description: 'The outage to end.' }),
      until: t.arg({
        type: 'DateTime',
        description: 'When it ended or will end, not before its beginning. Absent: now.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'EndOutageResult',
        description: 'The changed outage, or the error; nothing was changed then.',
      },
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
