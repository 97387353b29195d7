import { BOUNDS } from '../../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import {
  type Direction,
  type Listed,
  type ListRequest,
  listOpen,
} from '../../insight/lists/conversation-list.ts';
import type { ConversationFilter } from '../../insight/lists/lane-pages.ts';
import { listSoonest } from '../../insight/lists/soonest.ts';
import { readConversationPage, readConversationPageWithRelated } from '../../insight/reads.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { AwaitingEnum, StatusEnum } from '../core/enums.ts';
import { decodeId } from '../core/ids.ts';
import { fieldsWithin } from '../core/maybe-async.ts';
import { readText } from '../core/text.ts';
import { Conversation } from './conversation.ts';
import { eitherEndArgs, type OrderField, type PageRequest, readPage, toPage } from './conversation-page.ts';

const ConversationConnection = builder.connectionObject(
  { type: Conversation, name: 'ConversationConnection', description: 'A page of a list of conversations.' },
  { name: 'ConversationEdge', description: 'One of a list, with its cursor.' },
);

export const ConversationFilterInput = builder.inputType('ConversationFilter', {
  description: 'Which conversations a list is of: those that every given field lets pass.',
  fields: (t) => ({
    status: t.field({ type: [StatusEnum], description: 'Any of these statuses.' }),
    awaiting: t.field({ type: AwaitingEnum, description: 'Who is awaited.' }),
    channelId: t.id({ description: 'On this channel.' }),
    skillId: t.id({ description: 'With this skill.' }),
    agentId: t.id({ description: 'Assigned to this agent.' }),
    tag: t.string({
      description: 'With this tag (PE-7). No index helps: whatever else passes is looked through.',
    }),
    dueBefore: t.field({
      type: 'DateTime',
      description: 'Due before this instant (PE-1); only in the order of DUE, which is then the default.',
    }),
  }),
});

const OrderFieldEnum = builder.enumType('ConversationOrderField', {
  description: 'What a list of conversations goes by.',
  values: {
    DUE: {
      description:
        'When it is due (PE-1); those that never are come last, in either direction. Open ones only. A change of rules moves conversations within the list.',
    },
    LAST_ACTIVITY: { description: 'Its clock of inactivity (LL-10). Open ones only.' },
    STARTED: { description: 'When Lull first heard of it.' },
  } satisfies Record<OrderField, object>,
});
const DirectionEnum = builder.enumType('OrderDirection', {
  description: 'Which end of a list comes first.',
  values: {
    ASC: { description: 'The earliest.' },
    DESC: { description: 'The latest.' },
  } satisfies Record<Direction, object>,
});
const ConversationOrder = builder.inputType('ConversationOrder', {
  description: 'The order of a list of conversations; those that are level go by their ids.',
  fields: (t) => ({
    field: t.field({ type: OrderFieldEnum, required: true, description: 'What it goes by.' }),
    direction: t.field({
      type: DirectionEnum,
      required: true,
      defaultValue: 'ASC',
      description: 'Which end comes first.',
    }),
  }),
});

builder.queryFields((t) => ({
  conversation: t.field({
    type: Conversation,
    nullable: true,
    description: 'A conversation by id; null where the account has no such conversation.',
    args: { id: t.arg.id({ required: true, description: 'Of a Conversation.' }) },
    resolve: (_root, { id }, { load }) => load.conversation(decodeId('Conversation', id, 'id')),
  }),
  conversations: t.field({
    type: ConversationConnection,
    description:
      "The account's conversations. One that is set aside is in no order but STARTED, for no timer will find it.",
    args: {
      filter: t.arg({ type: ConversationFilterInput, description: 'Absent: all.' }),
      orderBy: t.arg({
        type: ConversationOrder,
        description: 'Absent: STARTED, the newest first; with dueBefore, DUE, the earliest first.',
      }),
      ...eitherEndArgs(),
    },
    async resolve(_root, args, context, info) {
      const input = args.filter ?? {};
      const dueBefore = input.dueBefore ?? null;
      const order = args.orderBy ?? (dueBefore ? BY_DUE : NEWEST_FIRST);
      const page = readPage(args, order.field);
      if (order.field !== 'DUE' && dueBefore)
        throw new InvalidInputError('filter.dueBefore', 'in the order of DUE only it is allowed');
      if (order.field !== 'STARTED' && input.status?.includes('ENDED'))
        throw new InvalidInputError(
          'filter.status',
          'in this order only statuses other than ENDED are allowed',
        );
      const filter = await readFilter(input, context);
      const { direction } = order;
      const fields = fieldsWithin(info);
      const rows =
        order.field === 'STARTED'
          ? await listStarted(context, { filter, direction, ...page }, fields)
          : await listOrdered(
              context,
              {
                ...{ by: order.field, direction, filter, dueBefore },
                ...{ after: page.from, backwards: page.backwards, limit: page.limit + 1 },
              },
              fields,
            );
      return toPage(rows, page, order.field);
    },
  }),
}));

type Order = { field: OrderField; direction: Direction };
const BY_DUE: Order = { field: 'DUE', direction: 'ASC' };
const NEWEST_FIRST: Order = { field: 'STARTED', direction: 'DESC' };

/** Whether fields are asked for that take more than the conversations themselves. */
const areBeside = (fields: ReadonlySet<string>) => fields.has('closing') || fields.has('agent');

type StartedRequest = PageRequest & { filter: ConversationFilter; direction: Direction };

async function listStarted(
  { accountId, reads, load }: Context,
  { filter, direction, from, backwards, limit }: StartedRequest,
  fields: ReadonlySet<string>,
): Promise<Listed[]> {
  const reading = (direction === 'ASC') === backwards ? 'DESC' : 'ASC';
  const asked = { filter, direction: reading, after: from?.id ?? null, limit: limit + 1 } as const;
  const read = areBeside(fields) ? readConversationPageWithRelated : readConversationPage;
  const { conversations, rulesVersion, beside } = await read(reads.sql, accountId, asked);
  await load.readUnder(rulesVersion, conversations);
  if (beside) load.besideWas(conversations, beside);
  return conversations.map((conversation) => ({
    conversation,
    position: { isDue: true, atMs: 0, clockMs: 0, id: conversation.id },
    rulesVersion,
  }));
}

async function listOrdered(
  { accountId, deps, load }: Context,
  request: ListRequest,
  fields: ReadonlySet<string>,
): Promise<Listed[]> {
  const { sql } = deps.db;
  const now = deps.clock.now();
  const rulesAt = (version: number) => deps.rules.at(accountId, version);
  const soonest = await listSoonest(sql, accountId, rulesAt, now, request);
  const rows = soonest ?? (await listOpen(sql, await load.rules(), now, request));
  const conversations = rows.map(({ conversation }) => conversation);
  for (const [version, own] of Map.groupBy(rows, ({ rulesVersion }) => rulesVersion))
    await load.readUnder(
      version,
      own.map(({ conversation }) => conversation),
    );
  if (areBeside(fields) && rows.length > 0) await load.readBeside(conversations);
  return rows;
}

/** Reads the filter. @throws InvalidInputError or NotFoundError naming the field */
export async function readFilter(
  input: typeof ConversationFilterInput.$inferInput,
  { load }: Context,
): Promise<ConversationFilter> {
  const filter: ConversationFilter = {};
  if (input.status) filter.statuses = input.status;
  if (input.awaiting) filter.awaiting = input.awaiting;
  if (typeof input.tag === 'string') filter.tag = readText(input.tag, 'filter.tag', BOUNDS.tag.max);
  const known = async (type: 'Agent' | 'Channel' | 'Skill', globalId: string, field: string) => {
    const id = decodeId(type, globalId, field);
    const kind = type.toLowerCase() as Lowercase<typeof type>;
    if ((await load[kind](id)) === null) throw new NotFoundError(field, kind);
    return id;
  };
  if (typeof input.channelId === 'string')
    filter.channelId = await known('Channel', input.channelId, 'filter.channelId');
  if (typeof input.skillId === 'string')
    filter.skillId = await known('Skill', input.skillId, 'filter.skillId');
  if (typeof input.agentId === 'string')
    filter.agentId = await known('Agent', input.agentId, 'filter.agentId');
  return filter;
}
