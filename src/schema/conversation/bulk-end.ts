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
  description: 'What became of one conversation that was to end.',
  fields: (t) => ({
    conversationId: t.id({
      description: 'The conversation.',
      resolve: ({ conversationId }) => encodeId('Conversation', conversationId),
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation as it then stands. Needs the scope `conversations:read`.',
      authScopes: { scope: 'conversations:read' },
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description:
        'Why it was not ended: ConversationEndedError where something else ended it meanwhile, NotFoundError where it is gone; null: it was.',
      resolve: ({ error }) => error && errorAt('results', error),
    }),
  }),
});

type Ended = { results: EndedItem[]; remaining: boolean };
const EndedConversations = builder.objectRef<Ended>('EndedConversations').implement({
  description: 'What became of the conversations that were to end.',
  fields: (t) => ({
    results: t.field({
      type: [EndResult],
      description: 'One for each, those that are due or were active the longest ago first.',
      resolve: ({ results }) => results,
    }),
    remaining: t.exposeBoolean('remaining', {
      description:
        'Whether more pass the filter than were ended by this call: the same call again ends them.',
    }),
  }),
});

builder.mutationField('endConversations', (t) =>
  t.field({
    type: EndedConversations,
    description:
      'Ends the open conversations that a filter lets pass, in one transaction: those active the longest ago first, or, with dueBefore, those due the soonest. One that cannot be ended spoils none of the others. One that is set aside is left out: end it by its id. Needs the scope `conversations:act`.',
    authScopes: { scope: 'conversations:act' },
    args: {
      filter: t.arg({
        type: ConversationFilterInput,
        required: true,
        description: 'Which of the open ones; empty: all of the account. Not by the status ENDED.',
      }),
      by: t.arg({ type: EnderEnum, required: true, description: 'In whose role (PE-14).' }),
      limit: t.arg.int({
        required: true,
        defaultValue: MAX_ACTIVITIES,
        description: `How many at most, 1 to ${MAX_ACTIVITIES}.`,
      }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, OutOfBoundsError, UnavailableError, ForbiddenError],
      union: { name: 'EndConversationsResult', description: 'What became of each, or why none was ended.' },
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
