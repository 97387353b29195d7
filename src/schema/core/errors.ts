import { GraphQLError } from 'graphql';
import { unavailableFor } from '../../db/sqlstate.ts';
import type { ActionKind } from '../../domain/conversation/activity.ts';
import type { Status } from '../../domain/conversation/conversation.ts';
import {
  ConflictError,
  ConversationEndedError,
  ForbiddenError,
  InvalidInputError,
  type LayerFault,
  LullError,
  NotAllowedError,
  NotFoundError,
  OutOfBoundsError,
  ProfileRefusedError,
  SecretsNeededError,
  TakenError,
  TooManyError,
  TooManySubscriptionsError,
  UnavailableError,
} from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { builder } from './builder.ts';
import { ActionKindEnum, StatusEnum } from './enums.ts';
import { encodeId } from './ids.ts';

/** An error as a field's value; an instance of Error would count as thrown. `name` is the type's. */
export type ErrorValue = Pick<LullError, 'name' | 'code' | 'message'>;

/** What every error has. */
export const ErrorInterface = builder.interfaceRef<ErrorValue>('Error').implement({
  description: 'What went wrong, for the caller to mend. Nothing was changed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable, for programs: such as `OUT_OF_BOUNDS`.' }),
    message: t.exposeString('message', { description: 'In words, for people.' }),
  }),
});

const common = (name: string) => ({
  name,
  interfaces: [ErrorInterface],
  isTypeOf: (value: unknown) => (value as ErrorValue).name === name,
});
const FIELD = 'The field of the input, as a path: `autoCloseAfter`, `activities[3].agentId`.';

builder.objectType(InvalidInputError, {
  ...common('InvalidInputError'),
  description: 'A value that is not of the form its field takes. Code INVALID_INPUT.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    allowed: t.exposeString('allowed', { description: 'What would be, in words.' }),
  }),
});
builder.objectType(OutOfBoundsError, {
  ...common('OutOfBoundsError'),
  description: 'A value outside its bounds (LP-5, SP-3). Code OUT_OF_BOUNDS.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    min: t.exposeString('min', { description: "The least allowed, in the field's own notation." }),
    max: t.exposeString('max', { description: "The most allowed, in the field's own notation." }),
  }),
});
const LayerFaultType = builder.objectRef<LayerFault>('LayerFault').implement({
  description: 'A field of a policy layer that a profile does not allow.',
  fields: (t) => ({
    channelId: t.id({
      nullable: true,
      description: "The layer's channel; null: not for one channel.",
      resolve: ({ channelId }) => channelId && encodeId('Channel', channelId),
    }),
    skillId: t.id({
      nullable: true,
      description: "The layer's skill; null: not for one skill.",
      resolve: ({ skillId }) => skillId && encodeId('Skill', skillId),
    }),
    field: t.exposeString('field', { description: 'The field that is set there.' }),
    allowed: t.exposeString('allowed', {
      description: 'What the profile would allow, in words or as a range.',
    }),
  }),
});
builder.objectType(ProfileRefusedError, {
  ...common('ProfileRefusedError'),
  description: 'A profile was chosen that the layers of the policy do not fit. Code PROFILE_REFUSED.',
  fields: (t) => ({
    profile: t.exposeString('profile', { description: 'The profile.' }),
    faults: t.field({
      type: [LayerFaultType],
      description: 'Everything that does not fit it: to be changed or unset first.',
      resolve: ({ faults }) => [...faults],
    }),
  }),
});
builder.objectType(NotFoundError, {
  ...common('NotFoundError'),
  description: 'Names what this account does not have. Code NOT_FOUND.',
  fields: (t) => ({ field: t.exposeString('field', { description: FIELD }) }),
});
builder.objectType(NotAllowedError, {
  ...common('NotAllowedError'),
  description: "A command that the conversation's status or channel does not allow. Code NOT_ALLOWED.",
  fields: (t) => ({
    command: t.field({
      type: ActionKindEnum,
      description: 'What was asked.',
      resolve: (error) => error.command as ActionKind,
    }),
    status: t.field({
      type: StatusEnum,
      description: 'What the status was.',
      resolve: (error) => error.status as Status,
    }),
  }),
});
builder.objectType(ConversationEndedError, {
  ...common('ConversationEndedError'),
  description: 'A command by id on a conversation that has ended. Code CONVERSATION_ENDED.',
  fields: (t) => ({
    message: t.string({
      description: 'In words, for people.',
      resolve: () => 'the conversation has ended',
    }),
    conversationId: t.id({
      description: 'The conversation.',
      resolve: (error) => encodeId('Conversation', error.conversationId),
    }),
  }),
});
builder.objectType(TooManyError, {
  ...common('TooManyError'),
  description: 'More than a call may carry: it is refused whole. Code TOO_MANY.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    max: t.exposeInt('max', { description: 'How many it may carry.' }),
  }),
});
builder.objectType(SecretsNeededError, {
  ...common('SecretsNeededError'),
  description:
    'An address that secrets go to was to be another, and they were not given with it. Code SECRETS_NEEDED.',
  fields: (t) => ({
    field: t.exposeString('field', { description: `The address. ${FIELD}` }),
    secrets: t.stringList({
      description: 'The fields of the secrets that the same call has to give, such as `settings.apiToken`.',
      resolve: ({ secrets }) => [...secrets],
    }),
  }),
});
builder.objectType(TakenError, {
  ...common('TakenError'),
  description: 'A name, or anything else that is unique in its account, that another one has. Code TAKEN.',
  fields: (t) => ({ field: t.exposeString('field', { description: FIELD }) }),
});
builder.objectType(ConflictError, {
  ...common('ConflictError'),
  description:
    'Written against a version that is not the newest, or with an idempotency key that was used for another call. Code CONFLICT.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    current: t.exposeString('current', {
      description: 'The newest version: read it, and decide anew. Of an idempotency key: when it was used.',
    }),
  }),
});
builder.objectType(ForbiddenError, {
  ...common('ForbiddenError'),
  description: 'The key may not do this. Code FORBIDDEN.',
  fields: (t) => ({ scope: t.exposeString('scope', { description: 'The scope that it would need.' }) }),
});
builder.objectType(UnavailableError, {
  ...common('UnavailableError'),
  description: 'Not possible just now; the same call may be made again. Code UNAVAILABLE.',
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', { description: 'When to try again, in seconds.' }),
  }),
});

/** The error of an item, its field as a path from the whole input: `agentId` becomes `activities[3].agentId`. */
export function errorAt(path: string, error: LullError): ErrorValue {
  const { name, code, message } = error;
  const value: ErrorValue = { ...error, name, code, message };
  if (!('field' in error)) return value;
  return Object.assign(value, { field: `${path}.${error.field}`, message: `${path}.${message}` });
}

/** When to try again to subscribe. */
const RETRY_SUBSCRIBING_S = '30';

/**
 * What a client sees of an error that no union names: ours with their code and fields, GraphQL's own as they are,
 * and nothing of any other, which is logged.
 */
export function maskError(log: Log): (error: unknown) => Error {
  return (error) => {
    const original = originalOf(error);
    if (original instanceof GraphQLError && !isOurs(original)) return error as GraphQLError;
    const place = error instanceof GraphQLError ? error : null;
    const where = { nodes: place?.nodes ?? null, path: place?.path ?? null };
    const unavailable = unavailableFor(original);
    if (unavailable?.cause !== undefined)
      log.warn({ err: unavailable.cause }, 'the database does not answer');
    const ours = unavailable ?? original;
    if (ours instanceof LullError)
      return new GraphQLError(ours.message, { ...where, extensions: extensionsOf(ours) });
    log.error({ err: original }, 'a request failed');
    return new GraphQLError('something went wrong; it was logged', {
      ...where,
      extensions: { code: 'INTERNAL' },
    });
  };
}

/** GraphQL says of what a resolver gave that it is not of its field's type: not for the caller to mend. */
function isOurs({ path, extensions, message }: GraphQLError): boolean {
  return path !== undefined && extensions.code === undefined && !message.startsWith('Argument ');
}

function originalOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originalOf(error.originalError) : error;
}

function extensionsOf(error: LullError): Record<string, unknown> {
  const extensions = fieldsOf(error);
  if (error instanceof UnavailableError) {
    const headers = { 'retry-after': String(error.retryAfterSeconds) };
    return { ...extensions, http: { status: 503, headers } };
  }
  if (!(error instanceof TooManySubscriptionsError)) return extensions;
  const headers = { 'retry-after': RETRY_SUBSCRIBING_S };
  return { ...extensions, http: { status: error.of === 'ACCOUNT' ? 429 : 503, headers } };
}

function fieldsOf(error: LullError): Record<string, unknown> {
  const { name: _name, ...fields } = { ...error };
  return fields;
}
