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
  description: 'The result of recording one activity.',
  fields: (t) => ({
    outcome: t.expose('outcome', {
      type: OutcomeEnum,
      description: 'Whether it was recorded.',
    }),
    conversationId: t.id({
      nullable: true,
      description:
        'The id of the conversation that it belongs to; null if it was ignored or refused, or if the contact was erased.',
      resolve: ({ conversationId }) => conversationId && encodeId('Conversation', conversationId),
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation after the whole call. Requires the scope `conversations:read`.',
      authScopes: { scope: 'conversations:read' },
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
    error: t.expose('error', {
      type: ErrorInterface,
      nullable: true,
      description:
        'The error if `outcome` is REFUSED: InvalidInputError, NotFoundError, NotAllowedError or ConversationEndedError. After an UnavailableError send the activity again.',
    }),
  }),
});

const Recorded = builder.objectRef<{ results: ResultValue[] }>('RecordedActivities').implement({
  description: 'The results of `recordActivities`.',
  fields: (t) => ({
    results: t.expose('results', {
      type: [Result],
      description: 'One result for each activity, in the order of the input.',
    }),
  }),
});

const RecordActivitiesInput = builder.inputType('RecordActivitiesInput', {
  description: 'Activities to record in one call.',
  fields: (t) => ({
    activities: t.field({
      type: [ActivityInput],
      required: true,
      description: `The activities to record, up to ${MAX_ACTIVITIES}; otherwise TOO_MANY. Any order is allowed: the activities of each contact are applied in the order of \`at\`.`,
    }),
  }),
});

builder.mutationField('recordActivities', (t) =>
  t.field({
    type: Recorded,
    description:
      'Records activities and carries out commands, in one transaction. A refused activity has an error and does not affect the others. Activities with a `messageId` are idempotent. Requires the scope `activities:write`.',
    authScopes: { scope: 'activities:write' },
    args: {
      input: t.arg({ type: RecordActivitiesInput, required: true, description: 'The activities to record.' }),
    },
    errors: {
      types: [TooManyError, UnavailableError, ForbiddenError],
      union: {
        name: 'RecordActivitiesResult',
        description: 'The result for each activity, or the error that prevented the whole call.',
      },
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
