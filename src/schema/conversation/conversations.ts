import { BOUNDS } from '../../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import type { ConversationFilter } from '../../insight/lists/conversation-filter.ts';
import {
  type Direction,
  type Listed,
  type ListRequest,
  listOpen,
} from '../../insight/lists/conversation-list.ts';
import { listSoonest } from '../../insight/lists/soonest.ts';
import {
  readConversationPage,
  readConversationPageWithRelated,
} from '../../insight/reads/conversation-page.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { AwaitingEnum, StatusEnum } from '../core/enums.ts';
import { decodeId } from '../core/ids.ts';
import { fieldsWithin } from '../core/selected-fields.ts';
import { readText } from '../core/text.ts';
import { Conversation } from './conversation.ts';
import {
  type EitherEndRequest,
  eitherEndArgs,
  type OrderField,
  readPage,
  toPage,
} from './conversation-page.ts';

const ConversationConnection = builder.connectionObject(
  { type: Conversation, name: 'ConversationConnection', description: 'A page of a list of conversations.' },
  { name: 'ConversationEdge', description: 'A conversation in a list, with its cursor.' },
);

export const ConversationFilterInput = builder.inputType('ConversationFilter', {
  description: 'A filter for conversations: those that match all given fields.',
  fields: (t) => ({
    status: t.field({ type: [StatusEnum], description: 'Conversations with any of these statuses.' }),
    awaiting: t.field({ type: AwaitingEnum, description: 'Conversations that await this side.' }),
    channelId: t.id({ description: 'The id of a channel: its conversations. Code NOT_FOUND if unknown.' }),
    skillId: t.id({ description: 'The id of a skill: its conversations. Code NOT_FOUND if unknown.' }),
    agentId: t.id({
      description: 'The id of an agent: the conversations assigned to it. Code NOT_FOUND if unknown.',
    }),
    tag: t.string({
      description:
        'Conversations with this tag (PE-7). It has no index, so it scans all that match the other fields; see docs/limits.md.',
    }),
    dueBefore: t.field({
      type: 'DateTime',
      description:
        'Conversations whose next timer is due before this instant (PE-1). Requires `orderBy: DUE`, which is then the default.',
    }),
  }),
});

const OrderFieldEnum = builder.enumType('ConversationOrderField', {
  description: 'The value that a list of conversations is sorted by.',
  values: {
    DUE: {
      description:
        'The time at which the next timer is due (PE-1). Conversations without a timer come last in both directions. Lists open conversations only. A change of rules can reorder the list between pages.',
    },
    LAST_ACTIVITY: {
      description: 'The time of the last counted activity (LL-10). Lists open conversations only.',
    },
    STARTED: { description: 'The time at which Lull first recorded the conversation.' },
  } satisfies Record<OrderField, object>,
});
const DirectionEnum = builder.enumType('OrderDirection', {
  description: 'The direction in which a list is sorted.',
  values: {
    ASC: { description: 'The earliest first.' },
    DESC: { description: 'The latest first.' },
  } satisfies Record<Direction, object>,
});
const ConversationOrder = builder.inputType('ConversationOrder', {
  description: 'The order of a list of conversations. Equal values are sorted by id.',
  fields: (t) => ({
    field: t.field({ type: OrderFieldEnum, required: true, description: 'The value that it is sorted by.' }),
    direction: t.field({
      type: DirectionEnum,
      required: true,
      defaultValue: 'ASC',
      description: 'Whether the earliest or the latest comes first.',
    }),
  }),
});

builder.queryFields((t) => ({
  conversation: t.field({
    type: Conversation,
    nullable: true,
    description: 'A conversation by id; null if the account has no such conversation.',
    args: {
      id: t.arg.id({ required: true, description: 'Its global id. For an unknown one the result is null.' }),
    },
    resolve: (_root, { id }, { load }) => load.conversation(decodeId('Conversation', id, 'id')),
  }),
  conversations: t.field({
    type: ConversationConnection,
    description:
      'The conversations of the account. Conversations with `setAside` are listed only when ordered by STARTED.',
    args: {
      filter: t.arg({
        type: ConversationFilterInput,
        description: 'The conversations to list. Default: all.',
      }),
      orderBy: t.arg({
        type: ConversationOrder,
        description:
          'The order of the list. Default: STARTED, the latest first; with `dueBefore`, DUE, the earliest first.',
      }),
      ...eitherEndArgs(),
    },
    async resolve(_root, args, context, info) {
      const input = args.filter ?? {};
      const dueBefore = input.dueBefore ?? null;
      const order = args.orderBy ?? (dueBefore ? BY_DUE : NEWEST_FIRST);
      const page = readPage(args, order.field);
      if (order.field !== 'DUE' && dueBefore)
        throw new InvalidInputError(
          'filter.dueBefore',
          'requires orderBy DUE: omit orderBy or set it to DUE',
        );
      if (order.field !== 'STARTED' && input.status?.includes('ENDED'))
        throw new InvalidInputError(
          'filter.status',
          'statuses other than ENDED are allowed, unless orderBy is STARTED',
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

/** Whether the selection needs rows of the contact or agent as well. */
const needRelated = (fields: ReadonlySet<string>) => fields.has('closing') || fields.has('agent');

type StartedRequest = EitherEndRequest & { filter: ConversationFilter; direction: Direction };

async function listStarted(
  { accountId, reads, load }: Context,
  { filter, direction, from, backwards, limit }: StartedRequest,
  fields: ReadonlySet<string>,
): Promise<Listed[]> {
  const reading = (direction === 'ASC') === backwards ? 'DESC' : 'ASC';
  const asked = { filter, direction: reading, after: from?.id ?? null, limit: limit + 1 } as const;
  const read = needRelated(fields) ? readConversationPageWithRelated : readConversationPage;
  const { conversations, rulesVersion, related } = await read(reads.sql, accountId, asked);
  await load.setRules(rulesVersion, conversations);
  if (related) load.setRelated(conversations, related);
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
  const soonest = await listSoonest(sql, { id: accountId, rulesAt }, now, request);
  const rows = soonest ?? (await listOpen(sql, await load.rules(), now, request));
  const conversations = rows.map(({ conversation }) => conversation);
  for (const [version, own] of Map.groupBy(rows, ({ rulesVersion }) => rulesVersion))
    await load.setRules(
      version,
      own.map(({ conversation }) => conversation),
    );
  if (needRelated(fields) && rows.length > 0) await load.loadRelated(conversations);
  return rows;
}

/** Checks a filter. @throws InvalidInputError or NotFoundError naming the field */
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
