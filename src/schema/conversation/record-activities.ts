import { ForbiddenError, LullError, TooManyError, UnavailableError } from '../../domain/errors.ts';
import { type Activity, type ActivityResult, MAX_ACTIVITIES } from '../../engine.ts';
import { recordActivities } from '../../ingest/record-activities.ts';
import { builder } from '../core/builder.ts';
import { OutcomeEnum } from '../core/enums.ts';
import { ErrorInterface, type ErrorValue, errorAt } from '../core/errors.ts';
import { encodeId } from '../core/ids.ts';
import { ActivityInput, readActivity } from './activity-input.ts';
import { Conversation } from './conversation.ts';

type ResultValue = Omit<ActivityResult, 'error'> & { error: ErrorValue | null };

const Result = builder.objectRef<ResultValue>('ActivityResult').implement({
  description: 'What became of one activity.',
  fields: (t) => ({
    outcome: t.field({ type: OutcomeEnum, description: 'What became of it.', resolve: (r) => r.outcome }),
    conversationId: t.id({
      nullable: true,
      description: 'The conversation it was recorded on; null where it was not.',
      resolve: ({ conversationId }) => conversationId && encodeId('Conversation', conversationId),
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description:
        'The conversation as it stands after the whole call. Needs the scope `conversations:read`.',
      authScopes: { scope: 'conversations:read' },
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description:
        'Why it was refused: InvalidInputError, NotFoundError, NotAllowedError or ConversationEndedError; UnavailableError where it is to be told again.',
      resolve: ({ error }) => error,
    }),
  }),
});

const Recorded = builder.objectRef<{ results: ResultValue[] }>('RecordedActivities').implement({
  description: 'What became of the activities of a call.',
  fields: (t) => ({
    results: t.field({
      type: [Result],
      description: 'One for each activity, in the order of the call.',
      resolve: ({ results }) => results,
    }),
  }),
});

const RecordActivitiesInput = builder.inputType('RecordActivitiesInput', {
  description: 'Activities of one account.',
  fields: (t) => ({
    activities: t.field({
      type: [ActivityInput],
      required: true,
      description: `Up to ${MAX_ACTIVITIES}, in any order: each contact's are taken in the order of their times.`,
    }),
  }),
});

builder.mutationField('recordActivities', (t) =>
  t.field({
    type: Recorded,
    description:
      'Records what happened and does what was asked, all in one transaction; an activity that is refused changes nothing and spoils none of the others. Idempotent by `messageId`. Needs the scope `activities:write`.',
    authScopes: { scope: 'activities:write' },
    args: {
      input: t.arg({ type: RecordActivitiesInput, required: true, description: 'What to record.' }),
    },
    errors: {
      types: [TooManyError, UnavailableError, ForbiddenError],
      union: { name: 'RecordActivitiesResult', description: 'What became of each, or why nothing was done.' },
    },
    async resolve(_root, { input: { activities } }, { accountId, deps }) {
      if (activities.length > MAX_ACTIVITIES) throw new TooManyError('activities', MAX_ACTIVITIES);
      const read = activities.map(readOrRefuse);
      const readable = read.filter((each): each is Activity => !(each instanceof LullError));
      const applied = (await recordActivities(deps, accountId, readable)).values();
      const results = read.map((each): ActivityResult => {
        if (each instanceof LullError) return { outcome: 'REFUSED', conversationId: null, error: each };
        const result = applied.next().value;
        if (!result) throw new Error('an activity came back without a result');
        return result;
      });
      return { results: results.map(withPath) };
    },
  }),
);

function readOrRefuse(input: typeof ActivityInput.$inferInput): Activity | LullError {
  try {
    return readActivity(input);
  } catch (error) {
    if (error instanceof LullError) return error;
    throw error;
  }
}

function withPath(result: ActivityResult, index: number): ResultValue {
  return { ...result, error: result.error && errorAt(`activities[${index}]`, result.error) };
}
