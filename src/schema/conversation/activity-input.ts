import { BOUNDS } from '../../domain/bounds.ts';
import type { Action, ActionKind } from '../../domain/conversation/activity.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Activity, Target } from '../../engine.ts';
import { builder } from '../core/builder.ts';
import { ActionKindEnum, ActivityByEnum, KeywordEnum, ReceiptStateEnum, SenderEnum } from '../core/enums.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { readText } from '../core/text.ts';

/** Lengths in characters; together with its keys a value must fit an index entry of Postgres. */
const MAX = {
  address: BOUNDS.address.max,
  messageId: BOUNDS.messageId.max,
  tag: BOUNDS.tag.max,
  tags: BOUNDS.tagsOfActivity.max,
  caseStatus: BOUNDS.caseStatus.max,
  clientVersion: BOUNDS.clientVersion.max,
  locale: BOUNDS.locale.max,
};

/** An activity as clients report it: one shape for all kinds, checked against `TAKES`. */
export const ActivityInput = builder.inputType('ActivityInput', {
  description:
    'Something that happened, or that is asked for. Names its conversation by `conversationId`, or by `channelId` and `address`: then it is the open one of that contact, or a new one where the kind begins one. Which of the other fields are taken depends on the kind; any other is refused.',
  fields: (t) => ({
    kind: t.field({ type: ActionKindEnum, required: true, description: 'What happened.' }),
    conversationId: t.id({ description: 'The conversation.' }),
    channelId: t.id({ description: 'The channel of the address.' }),
    address: t.string({ description: 'Whom the channel knows the contact as: a phone number, a user id.' }),
    at: t.field({
      type: 'DateTime',
      description: 'When it happened; absent: now. At most one minute ahead, and then it is now.',
    }),
    messageId: t.string({
      description: "The message's id at its channel: what was recorded with it before is a DUPLICATE.",
    }),
    agentId: t.id({ description: 'The agent who did it; for ASSIGN, whom it is assigned to.' }),
    skillId: t.id({ description: 'The skill; of a new conversation, or that it moves to.' }),
    sender: t.field({ type: SenderEnum, description: 'Who sent an OUTBOUND message.' }),
    by: t.field({ type: ActivityByEnum, description: 'Who starts or ends it.' }),
    add: t.stringList({ description: 'Tags to add.' }),
    remove: t.stringList({ description: 'Tags to remove.' }),
    caseStatus: t.string({ description: 'The new case status.' }),
    of: t.string({ description: 'The id of the message that a RECEIPT is for.' }),
    state: t.field({ type: ReceiptStateEnum, description: 'What a RECEIPT says.' }),
    clientVersion: t.string({ description: "The version of the customer's client." }),
    locale: t.string({ description: "The language of the customer's client, as BCP 47 has it (PE-3)." }),
    text: t.string({
      description:
        'What the customer wrote in an INBOUND message: read for words like STOP (PE-12), and never stored.',
    }),
    keyword: t.field({
      type: KeywordEnum,
      description: 'What an INBOUND message was taken for where it came in; then no text is read.',
    }),
    responseAt: t.field({ type: 'DateTime', description: 'When the answer is promised for.' }),
    until: t.field({ type: 'DateTime', description: 'When the hold is to end by itself.' }),
  }),
});
type Input = typeof ActivityInput.$inferInput;
type ActionField = Exclude<
  keyof Input,
  'kind' | 'conversationId' | 'channelId' | 'address' | 'at' | 'messageId'
>;

/** How a kind takes a field. `needed or null`: it has to be given, and null is a value. */
type Need = 'needed' | 'needed or null' | 'optional';
const agentId: { agentId: Need } = { agentId: 'optional' };
const TAKES: Readonly<Record<ActionKind, Partial<Record<ActionField, Need>>>> = {
  INBOUND: {
    ...{ skillId: 'optional', clientVersion: 'optional', locale: 'optional' },
    ...{ text: 'optional', keyword: 'optional' },
  },
  OUTBOUND: { sender: 'needed', skillId: 'optional', ...agentId },
  START: { by: 'needed', skillId: 'optional', ...agentId },
  COMMENT: agentId,
  TAG: { add: 'optional', remove: 'optional', ...agentId },
  ASSIGN: { agentId: 'needed' },
  SKILL: { skillId: 'needed or null' },
  TO_QUEUE: {},
  CASE_STATUS: { caseStatus: 'needed or null', ...agentId },
  READER_JOINED: agentId,
  TRANSCRIPT_VIEWED: agentId,
  RECEIPT: { of: 'needed', state: 'needed' },
  CLIENT: { clientVersion: 'optional', locale: 'optional' },
  MANUAL_RESPONSE_TIME: { responseAt: 'needed or null', ...agentId },
  INACTIVATE: agentId,
  HOLD: { until: 'optional', ...agentId },
  RELEASE: agentId,
  END: { by: 'needed', ...agentId },
  REOPEN: agentId,
};

const BY: Partial<Record<ActionKind, readonly string[]>> = {
  START: ['AGENT', 'AUTOMATION'],
  END: ['CUSTOMER', 'AGENT', 'SUPERVISOR', 'BOT'],
};

/** How each field is read once it is known to be wanted. */
const READ: { [Field in ActionField]: (value: NonNullable<Input[Field]>, kind: ActionKind) => unknown } = {
  agentId: (id) => decodeId('Agent', id, 'agentId'),
  skillId: (id) => decodeId('Skill', id, 'skillId'),
  sender: (sender) => sender,
  by(by, kind) {
    const allowed = BY[kind] ?? [];
    if (!allowed.includes(by))
      throw new InvalidInputError('by', `for ${kind} ${allowed.join(', ')} is allowed`);
    return by;
  },
  add: (tags) => readTags(tags, 'add'),
  remove: (tags) => readTags(tags, 'remove'),
  caseStatus: (status) => readText(status, 'caseStatus', MAX.caseStatus),
  of: (messageId) => readText(messageId, 'of', MAX.messageId),
  state: (state) => state,
  clientVersion: (version) => readText(version, 'clientVersion', MAX.clientVersion),
  locale: (locale) => readLocale(locale),
  text: (text) => text,
  keyword: (keyword) => keyword,
  responseAt: (at) => readInstant(at, 'responseAt'),
  until: (at) => readInstant(at, 'until'),
};

/**
 * Reads one activity.
 * @throws InvalidInputError naming the field that is missing, of the wrong form, or not of this kind
 */
export function readActivity(input: Input): Activity {
  const target = readTarget(input);
  const messageId = input.messageId ? readText(input.messageId, 'messageId', MAX.messageId) : null;
  return { target, action: readAction(input), at: input.at ?? null, messageId };
}

function readTarget({ conversationId, channelId, address }: Input): Target {
  const named = decodeGiven('Conversation', conversationId, 'conversationId');
  if (named !== null) {
    for (const [field, value] of Object.entries({ channelId, address }))
      if (value) throw new InvalidInputError(field, 'beside conversationId it has to be left out');
    return { conversationId: named };
  }
  const channel = decodeGiven('Channel', channelId, 'channelId');
  if (channel === null)
    throw new InvalidInputError('conversationId', 'it, or channelId and address, is needed');
  if (!address) throw new InvalidInputError('address', 'with channelId a text that is not empty is needed');
  return {
    channelId: channel,
    address: readText(address, 'address', MAX.address),
  };
}

function readAction(input: Input): Action {
  const { kind } = input;
  const takes = TAKES[kind];
  const action: Record<string, unknown> = kind === 'TAG' ? { kind, add: [], remove: [] } : { kind };
  if (kind === 'HOLD') action.until = null;
  for (const field of Object.keys(READ) as ActionField[]) {
    const value = input[field];
    const need = takes[field];
    if (need === undefined && value !== undefined && value !== null)
      throw new InvalidInputError(field, `${kind} does not take it`);
    if (value === undefined ? need?.startsWith('needed') : value === null && need === 'needed')
      throw new InvalidInputError(field, `${kind} needs it`);
    if (value === null && need === 'needed or null') action[field] = null;
    // The value is of the field's type, which the compiler cannot follow through the loop.
    else if (value !== undefined && value !== null) action[field] = READ[field](value as never, kind);
  }
  if (kind === 'CLIENT' && !input.clientVersion && !input.locale)
    throw new InvalidInputError('clientVersion', 'CLIENT needs it, or a locale');
  if (kind === 'TAG' && !input.add?.length && !input.remove?.length)
    throw new InvalidInputError('add', 'TAG needs a tag to add or to remove');
  return action as Action;
}

function readTags(tags: readonly string[], field: string): string[] {
  if (tags.length > MAX.tags) throw new InvalidInputError(field, `at most ${MAX.tags} tags are allowed`);
  return tags.map((tag, index) => readText(tag, `${field}[${index}]`, MAX.tag));
}

function readLocale(locale: string): string {
  try {
    const [canonical] = Intl.getCanonicalLocales(locale);
    if (canonical !== undefined && canonical.length <= MAX.locale) return canonical;
  } catch {
    // Not of the form of a language tag.
  }
  throw new InvalidInputError(
    'locale',
    `a language tag such as en or pt-BR, of at most ${MAX.locale} characters, is allowed`,
  );
}

function readInstant(at: Date, field: string): Date {
  if (at.getTime() < 0) throw new InvalidInputError(field, 'an instant since 1970 is allowed');
  return at;
}
