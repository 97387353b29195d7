import {
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  OutOfBoundsError,
  UnavailableError,
} from '../../domain/errors.ts';
import { MAX_ACTIVITIES } from '../../engine.ts';
import { type EndedItem, endAll } from '../../ingest/bulk-end.ts';
import { listOpen } from '../../insight/lists/conversation-list.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { ErrorInterface, errorAt } from '../core/errors.ts';
import { encodeId } from '../core/ids.ts';
import { EnderEnum } from './commands.ts';
import { Conversation } from './conversation.ts';
import { ConversationFilterInput, readFilter } from './conversations.ts';

const EndResult = builder.objectRef<EndedItem>('EndResult').implement({
  description: 'The result for one conversation of `endConversations`.',
  fields: (t) => ({
    conversationId: t.id({
      description: 'The id that the call gave.',
      resolve: ({ conversationId }) => encodeId('Conversation', conversationId),
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation after the call. Requires the scope `conversations:read`.',
      authScopes: { scope: 'conversations:read' },
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description:
        'The error that prevented the end: ConversationEndedError if it ended meanwhile, NotFoundError if it no longer exists. Null if the call ended it.',
      resolve: ({ error }) => error && errorAt('results', error),
    }),
  }),
});

type Ended = { results: EndedItem[]; remaining: boolean };
const EndedConversations = builder.objectRef<Ended>('EndedConversations').implement({
  description: 'The results of `endConversations`.',
  fields: (t) => ({
    results: t.expose('results', {
      type: [EndResult],
      description: 'One result for each conversation, in the order in which the call selected them.',
    }),
    remaining: t.exposeBoolean('remaining', {
      description: 'Whether more conversations pass the filter than `limit`: repeat the call to end them.',
    }),
  }),
});

builder.mutationField('endConversations', (t) =>
  t.field({
    type: EndedConversations,
    description:
      'Ends the open conversations that pass a filter, in one transaction. The least recently active come first; with `dueBefore`, those due first. A conversation that cannot be ended has an error and does not affect the others. Conversations with `setAside` are left out: end them by id. Requires the scope `conversations:act`.',
    authScopes: { scope: 'conversations:act' },
    args: {
      filter: t.arg({
        type: ConversationFilterInput,
        required: true,
        description:
          'The conversations to end. An empty filter selects all open ones of the account. The status ENDED is refused with INVALID_INPUT.',
      }),
      by: t.arg({ type: EnderEnum, required: true, description: 'The role that ends them (PE-14).' }),
      limit: t.arg.int({
        required: true,
        defaultValue: MAX_ACTIVITIES,
        description: `The largest number of conversations to end, 1 to ${MAX_ACTIVITIES}; otherwise OUT_OF_BOUNDS.`,
      }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, OutOfBoundsError, UnavailableError, ForbiddenError],
      union: {
        name: 'EndConversationsResult',
        description: 'The result for each conversation, or the error that prevented the whole call.',
      },
    },
    async resolve(_root, { filter, by, limit }, context) {
      if (limit < 1 || limit > MAX_ACTIVITIES)
        throw new OutOfBoundsError('limit', '1', String(MAX_ACTIVITIES));
      const ids = await openIds(context, filter, limit + 1);
      const { accountId, agentId, deps } = context;
      const isAgents = by === 'AGENT' && agentId !== null;
      const end = { kind: 'END' as const, by, ...(isAgents ? { agentId } : {}) };
      const results = await endAll(deps, accountId, ids.slice(0, limit), end);
      return { results, remaining: ids.length > limit };
    },
  }),
);

async function openIds(
  context: Context,
  input: typeof ConversationFilterInput.$inferInput,
  limit: number,
): Promise<string[]> {
  if (input.status?.includes('ENDED'))
    throw new InvalidInputError('filter.status', 'statuses other than ENDED are allowed');
  const { deps, reads, load } = context;
  const dueBefore = input.dueBefore ?? null;
  const filter = await readFilter(input, context);
  const rows = await listOpen(reads.sql, await load.rules(), deps.clock.now(), {
    ...{ by: dueBefore ? 'DUE' : 'LAST_ACTIVITY', direction: 'ASC', filter, dueBefore },
    ...{ after: null, backwards: false, limit },
  });
  return rows.map(({ conversation }) => conversation.id);
}
