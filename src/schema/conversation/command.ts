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

/** The errors of a command that is possible on any conversation, on open ones, or in some states only. */
const ALWAYS = [InvalidInputError, NotFoundError, ConflictError, UnavailableError, ForbiddenError];
const ERRORS = {
  ALWAYS,
  WHILE_OPEN: [...ALWAYS, ConversationEndedError],
  SOMETIMES: [...ALWAYS, ConversationEndedError, NotAllowedError],
};

const ENDED: Readonly<Record<keyof typeof ERRORS, string>> = {
  ALWAYS: '',
  WHILE_OPEN: ' Code CONVERSATION_ENDED if it has ended already.',
  SOMETIMES: '',
};

/** A command: its name and arguments, when it is possible, and the activity that it records. */
type Command<Args extends InputFieldMap> = {
  name: string;
  description: string;
  possible: keyof typeof ERRORS;
  args: Args;
  activity: (args: InputShapeFromFields<Args>) => Input;
};

/** Adds a mutation that carries out a command on one conversation by recording its activity. */
export function command<Args extends InputFieldMap>(options: Command<Args>): void {
  const { name, description, possible, args, activity } = options;
  builder.mutationField(name, (t) =>
    t.field({
      type: Conversation,
      description: `${description}${ENDED[possible]} Requires the scope \`conversations:act\`.`,
      authScopes: { scope: 'conversations:act' },
      args: { ...(args as InputFieldMap), ...onceArgs() },
      errors: {
        types: ERRORS[possible],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The conversation after the command, or the error that prevented it.',
        },
      },
      async resolve(_root, given, context) {
        const { accountId, deps, load } = context;
        const asked = readCommand(activity(given as InputShapeFromFields<Args>), context);
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

/** Kinds whose `agentId` is absent or does not name the acting agent. */
const WITHOUT_ACTING_AGENT = new Set<Input['kind']>(['ASSIGN', 'TO_QUEUE', 'SKILL']);

/** Fills in the caller's agent if the command names none. */
function readCommand(input: Input, { agentId }: Context): Activity {
  const isAgents = !WITHOUT_ACTING_AGENT.has(input.kind) && (input.by ?? 'AGENT') === 'AGENT';
  const acting = isAgents && agentId !== null ? encodeId('Agent', agentId) : undefined;
  try {
    return readActivity({ ...input, agentId: input.agentId ?? acting });
  } catch (error) {
    // A command has one list of tags; the activity names it `add` or `remove`.
    if (error instanceof InvalidInputError && /^(add|remove)\b/.test(error.field))
      throw new InvalidInputError(error.field.replace(/^(add|remove)/, 'tags'), error.allowed);
    throw error;
  }
}
