import type { InputFieldMap, InputShapeFromFields } from '@pothos/core';
import {
  ConflictError,
  ConversationEndedError,
  ForbiddenError,
  InvalidInputError,
  NotAllowedError,
  NotFoundError,
  UnavailableError,
} from '../../domain/errors.ts';
import type { Activity } from '../../engine.ts';
import { recordOnce } from '../../ingest/record-once.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { encodeId } from '../core/ids.ts';
import { type ActivityInput, readActivity } from './activity-input.ts';
import { Conversation } from './conversation.ts';

type Input = typeof ActivityInput.$inferInput;

/** The errors of a command, by where it is possible: on any conversation, on an open one, or on some of these. */
const ERRORS = {
  ALWAYS: [InvalidInputError, NotFoundError, ConflictError, UnavailableError, ForbiddenError],
  WHILE_OPEN: [
    ...[InvalidInputError, NotFoundError, ConflictError, UnavailableError, ForbiddenError],
    ConversationEndedError,
  ],
  SOMETIMES: [
    ...[InvalidInputError, NotFoundError, ConflictError, UnavailableError, ForbiddenError],
    ...[ConversationEndedError, NotAllowedError],
  ],
} as const;

/** A command: what it is called and takes, when it is possible, and which activity it is. */
type Command<Args extends InputFieldMap> = {
  name: string;
  description: string;
  possible: keyof typeof ERRORS;
  args: Args;
  activity: (args: InputShapeFromFields<Args>) => Input;
};

/** Adds a mutation that carries out a command on one conversation; all go one way, whichever it is. */
export function command<Args extends InputFieldMap>(options: Command<Args>): void {
  const { name, description, possible, args, activity } = options;
  builder.mutationField(name, (t) =>
    t.field({
      type: Conversation,
      description: `${description} Needs the scope \`conversations:act\`.`,
      authScopes: { scope: 'conversations:act' },
      args: { ...(args as InputFieldMap), ...onceArgs() },
      errors: {
        types: [...ERRORS[possible]],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The conversation as it then stands, or why nothing was changed.',
        },
      },
      async resolve(_root, given, context) {
        const { accountId, deps, load } = context;
        const asked = read(activity(given as InputShapeFromFields<Args>), context);
        const call = callOf(given as { idempotencyKey?: string | null }, name, asked);
        const conversation = await load.conversation(
          await deps.afterCommit(recordOnce(deps, accountId, asked, call)),
        );
        if (conversation === null) throw new NotFoundError('conversationId', 'conversation');
        return conversation;
      },
    }),
  );
}

/** What has no agent who did it, or has one for another reason. */
const WITHOUT_AGENT = new Set<Input['kind']>(['ASSIGN', 'TO_QUEUE', 'SKILL']);

/** Whoever is known to ask is the agent who did it, where nobody else is named. */
function read(input: Input, { agentId }: Context): Activity {
  const isAgents = !WITHOUT_AGENT.has(input.kind) && (input.by ?? 'AGENT') === 'AGENT';
  const acting = isAgents && agentId !== null ? encodeId('Agent', agentId) : undefined;
  try {
    return readActivity({ ...input, agentId: input.agentId ?? acting });
  } catch (error) {
    // An activity has tags to add and tags to remove, a command has one list.
    if (error instanceof InvalidInputError && /^(add|remove)\b/.test(error.field))
      throw new InvalidInputError(error.field.replace(/^(add|remove)/, 'tags'), error.allowed);
    throw error;
  }
}
