import { GraphQLError, type GraphQLErrorOptions } from 'graphql';
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

/** An error as the value of a field. `name` is its GraphQL type. An instance of Error would count as thrown. */
export type ErrorValue = Pick<LullError, 'name' | 'code' | 'message'>;

const MESSAGE =
  'A sentence for people: the field, what is allowed and the next step. It can change between releases.';

/** The fields of every error. */
export const ErrorInterface = builder.interfaceRef<ErrorValue>('Error').implement({
  description: 'An error that the caller can act on, by its code. The refused operation changed nothing.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'A stable code for programs, such as `OUT_OF_BOUNDS`.' }),
    message: t.exposeString('message', { description: MESSAGE }),
  }),
});

const common = (name: string) => ({
  name,
  interfaces: [ErrorInterface],
  isTypeOf: (value: unknown) => (value as ErrorValue).name === name,
});
const FIELD = 'The path of the input field, such as `autoCloseAfter` or `activities[3].agentId`.';

builder.objectType(InvalidInputError, {
  ...common('InvalidInputError'),
  description: 'A field is missing, malformed or not allowed here. Code INVALID_INPUT.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    allowed: t.exposeString('allowed', { description: 'The values that are allowed, in words.' }),
  }),
});
builder.objectType(OutOfBoundsError, {
  ...common('OutOfBoundsError'),
  description: 'A value is outside its bounds (LP-5, SP-3). Code OUT_OF_BOUNDS.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    min: t.exposeString('min', { description: 'The smallest allowed value, in the notation of the field.' }),
    max: t.exposeString('max', { description: 'The largest allowed value, in the notation of the field.' }),
  }),
});
const LayerFaultType = builder.objectRef<LayerFault>('LayerFault').implement({
  description: 'A field of a policy layer whose value a profile does not allow.',
  fields: (t) => ({
    channelId: t.id({
      nullable: true,
      description: 'The id of the channel of the layer; null if the layer is not for one channel.',
      resolve: ({ channelId }) => channelId && encodeId('Channel', channelId),
    }),
    skillId: t.id({
      nullable: true,
      description: 'The id of the skill of the layer; null if the layer is not for one skill.',
      resolve: ({ skillId }) => skillId && encodeId('Skill', skillId),
    }),
    field: t.exposeString('field', { description: 'The name of the field in `SetPolicyInput`.' }),
    allowed: t.exposeString('allowed', {
      description: 'The values that the profile allows, in words or as a range.',
    }),
  }),
});
builder.objectType(ProfileRefusedError, {
  ...common('ProfileRefusedError'),
  description: 'The policy layers of the account do not fit the chosen profile. Code PROFILE_REFUSED.',
  fields: (t) => ({
    profile: t.exposeString('profile', { description: 'The name of the profile that was chosen.' }),
    faults: t.field({
      type: [LayerFaultType],
      description: 'All fields that do not fit. Change or unset them, then choose the profile again.',
      resolve: ({ faults }) => [...faults],
    }),
  }),
});
builder.objectType(NotFoundError, {
  ...common('NotFoundError'),
  description:
    'The account has no object with this id. An id of another account is answered in the same way. Code NOT_FOUND.',
  fields: (t) => ({ field: t.exposeString('field', { description: FIELD }) }),
});
builder.objectType(NotAllowedError, {
  ...common('NotAllowedError'),
  description: "The conversation's status or channel does not allow the command. Code NOT_ALLOWED.",
  fields: (t) => ({
    command: t.field({
      type: ActionKindEnum,
      description: 'The command that was refused.',
      resolve: (error) => error.command as ActionKind,
    }),
    status: t.field({
      type: StatusEnum,
      description: 'The status of the conversation when it was refused.',
      resolve: (error) => error.status as Status,
    }),
  }),
});
builder.objectType(ConversationEndedError, {
  ...common('ConversationEndedError'),
  description: 'The command needs an open conversation and this one has ended. Code CONVERSATION_ENDED.',
  fields: (t) => ({
    message: t.string({
      description: MESSAGE,
      resolve: () => 'the conversation has ended',
    }),
    conversationId: t.id({
      description: 'The conversation that has ended, by its global id.',
      resolve: (error) => encodeId('Conversation', error.conversationId),
    }),
  }),
});
builder.objectType(TooManyError, {
  ...common('TooManyError'),
  description: 'The call has more items than allowed; none was carried out. Code TOO_MANY.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    max: t.exposeInt('max', { description: 'The largest allowed number of items in one call.' }),
  }),
});
builder.objectType(SecretsNeededError, {
  ...common('SecretsNeededError'),
  description:
    'The call changes an address that secrets are sent to, and omits those secrets. Give both in one call. Code SECRETS_NEEDED.',
  fields: (t) => ({
    field: t.exposeString('field', { description: `The address that the call changes. ${FIELD}` }),
    secrets: t.stringList({
      description: 'The paths of the secrets that the same call must include, such as `settings.apiToken`.',
      resolve: ({ secrets }) => [...secrets],
    }),
  }),
});
builder.objectType(TakenError, {
  ...common('TakenError'),
  description: 'The value must be unique in the account and another object has it. Code TAKEN.',
  fields: (t) => ({ field: t.exposeString('field', { description: FIELD }) }),
});
builder.objectType(ConflictError, {
  ...common('ConflictError'),
  description:
    'The object has a newer version than the one given, or the idempotency key was used for another call. Code CONFLICT.',
  fields: (t) => ({
    field: t.exposeString('field', { description: FIELD }),
    current: t.exposeString('current', {
      description:
        'The newest version: read it and decide again. For an idempotency key, the instant at which it was used.',
    }),
  }),
});
builder.objectType(ForbiddenError, {
  ...common('ForbiddenError'),
  description: 'The API key lacks the scope for this. Code FORBIDDEN.',
  fields: (t) => ({
    scope: t.exposeString('scope', { description: 'The scope that is needed, such as `policies:write`.' }),
  }),
});
builder.objectType(UnavailableError, {
  ...common('UnavailableError'),
  description:
    'Lull cannot do this right now. Repeat the same call after `retryAfterSeconds`. Code UNAVAILABLE.',
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      description: 'The time to wait before the retry, in seconds.',
    }),
  }),
});

/** The error of one item of a list, with the path of its field: `agentId` becomes `activities[3].agentId`. */
export function errorAt(path: string, error: LullError): ErrorValue {
  const { name, code, message } = error;
  const value: ErrorValue = { ...error, name, code, message };
  if (!('field' in error)) return value;
  return Object.assign(value, { field: `${path}.${error.field}`, message: `${path}.${message}` });
}

/** Seconds after which a refused subscriber may retry, as a header value. */
const RETRY_SUBSCRIBING_S = '30';

/**
 * Makes the function that turns thrown errors into responses. A LullError keeps its code and fields, an error of GraphQL stays
 * as it is, and any other error is logged and masked as INTERNAL.
 */
export function maskError(log: Log): (error: unknown) => Error {
  return (error) => {
    const original = originalOf(error);
    if (original instanceof GraphQLError && !isInternal(original)) return error as GraphQLError;
    const place = error instanceof GraphQLError ? error : null;
    const where = { nodes: place?.nodes ?? null, path: place?.path ?? null };
    const unavailable = unavailableFor(original);
    if (unavailable?.cause !== undefined)
      log.warn({ err: unavailable.cause }, 'the database does not answer');
    const known = unavailable ?? original;
    if (known instanceof LullError) return toGraphQLError(known, where);
    log.error({ err: original }, 'a request failed');
    return new GraphQLError('internal error: it has been logged; retry, or report it if it persists', {
      ...where,
      extensions: { code: 'INTERNAL' },
    });
  };
}

/** Whether GraphQL refused the value that a resolver returned: a bug in Lull, which the caller cannot correct. */
function isInternal({ path, extensions, message }: GraphQLError): boolean {
  return path !== undefined && extensions.code === undefined && !message.startsWith('Argument ');
}

/** The error as GraphQL sends it: with its code, its fields and, for some, the HTTP status. */
export function toGraphQLError(error: LullError, where: GraphQLErrorOptions = {}): GraphQLError {
  return new GraphQLError(error.message, { ...where, extensions: extensionsOf(error) });
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
