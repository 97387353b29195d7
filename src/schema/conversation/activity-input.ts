import { BOUNDS } from '../../domain/bounds.ts';
import { ACTIONS, type Action, type ActionKind } from '../../domain/conversation/activity.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Activity, Target } from '../../engine.ts';
import { type ActivityField, BY_OF, describeKinds, FIELDS_OF } from '../core/activity-fields.ts';
import { builder } from '../core/builder.ts';
import { ActionKindEnum, ActivityByEnum, KeywordEnum, ReceiptStateEnum, SenderEnum } from '../core/enums.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { readText } from '../core/text.ts';

/** Lengths in characters, and numbers of tags. A value and its keys must fit into one index entry of Postgres. */
const MAX = {
  address: BOUNDS.address.max,
  messageId: BOUNDS.messageId.max,
  tag: BOUNDS.tag.max,
  tags: BOUNDS.tagsOfActivity.max,
  caseStatus: BOUNDS.caseStatus.max,
  clientVersion: BOUNDS.clientVersion.max,
  locale: BOUNDS.locale.max,
};

const MEANINGS: Readonly<Record<ActivityField, string>> = {
  agentId: 'The id of the agent who acted; for ASSIGN, of the new assignee.',
  skillId: 'The id of the skill: of a conversation that the activity starts, or the skill to move to.',
  sender: 'The sender of an outbound message.',
  by: 'The role that starts or ends the conversation (PE-14).',
  add: `Tags to add: up to ${MAX.tags}, each up to ${MAX.tag} characters.`,
  remove: `Tags to remove: up to ${MAX.tags}, each up to ${MAX.tag} characters.`,
  caseStatus: `The new case status, up to ${MAX.caseStatus} characters; null removes it (SP-4).`,
  of: 'The `messageId` of the message that the receipt is for.',
  state: 'The delivery state of that message.',
  clientVersion: `The version of the app or SDK that the customer uses, up to ${MAX.clientVersion} characters (LP-9).`,
  locale: "The customer's language as a BCP 47 tag, such as `pt-BR`; it selects the close message (PE-3).",
  text: 'The text of the message. Lull checks it for keywords such as STOP (PE-12) and never stores it.',
  keyword: 'A keyword that the sender has already recognised. If set, `text` is not checked.',
  responseAt: 'The time by which the agent promised to answer; null removes the promise (LP-7).',
  until: 'The end of the hold. Default: it lasts until it is released or the customer writes (PE-6).',
};
const of = (field: ActivityField) => ({ description: `${MEANINGS[field]} ${describeKinds(field)}` });

/** An activity as clients report it: one shape for all kinds, checked against `FIELDS_OF`. */
export const ActivityInput = builder.inputType('ActivityInput', {
  description:
    'An activity to record, or a command to carry out. Address it by `conversationId`, or by `channelId` and `address`: then it goes to the open conversation of that contact, and some kinds start one. Each kind allows certain fields, listed under `ActivityKind`; any other is refused with INVALID_INPUT.',
  fields: (t) => ({
    kind: t.field({
      type: ActionKindEnum,
      required: true,
      description: 'The kind of activity; it decides which of the other fields are allowed.',
    }),
    conversationId: t.id({
      description: 'The id of the conversation. Required unless `channelId` and `address` are set.',
    }),
    channelId: t.id({
      description:
        'The id of the channel that `address` belongs to. Must be omitted when `conversationId` is set.',
    }),
    address: t.string({
      description: `The identifier of the contact on the channel, such as a phone number or user id; 1 to ${MAX.address} characters. Must be omitted when \`conversationId\` is set.`,
    }),
    at: t.field({
      type: 'DateTime',
      description:
        'The instant at which the activity happened. Default: now. Up to one minute in the future is recorded as now; later is refused with INVALID_INPUT.',
    }),
    messageId: t.string({
      description: `The id of the message on its channel, up to ${MAX.messageId} characters. It makes the activity idempotent: a second one with the same id is a DUPLICATE.`,
    }),
    agentId: t.id(of('agentId')),
    skillId: t.id(of('skillId')),
    sender: t.field({ type: SenderEnum, ...of('sender') }),
    by: t.field({ type: ActivityByEnum, ...of('by') }),
    add: t.stringList(of('add')),
    remove: t.stringList(of('remove')),
    caseStatus: t.string(of('caseStatus')),
    of: t.string(of('of')),
    state: t.field({ type: ReceiptStateEnum, ...of('state') }),
    clientVersion: t.string(of('clientVersion')),
    locale: t.string(of('locale')),
    text: t.string(of('text')),
    keyword: t.field({ type: KeywordEnum, ...of('keyword') }),
    responseAt: t.field({ type: 'DateTime', ...of('responseAt') }),
    until: t.field({ type: 'DateTime', ...of('until') }),
  }),
});
type Input = typeof ActivityInput.$inferInput;

/** Validates and converts the value of each field. */
const READ: { [Field in ActivityField]: (value: NonNullable<Input[Field]>, kind: ActionKind) => unknown } = {
  agentId: (id) => decodeId('Agent', id, 'agentId'),
  skillId: (id) => decodeId('Skill', id, 'skillId'),
  sender: (sender) => sender,
  by(by, kind) {
    const allowed = BY_OF[kind] ?? [];
    if (!allowed.includes(by))
      throw new InvalidInputError('by', `for ${kind}, one of ${allowed.join(', ')} is allowed`);
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
const FIELDS = Object.keys(READ) as ActivityField[];

/**
 * Reads one activity.
 * @throws InvalidInputError naming the field that is missing, malformed, or not allowed for this kind
 */
export function readActivity(input: Input): Activity {
  const target = readTarget(input);
  const messageId = input.messageId ? readText(input.messageId, 'messageId', MAX.messageId) : null;
  return { target, action: readAction(input), at: input.at ?? null, messageId };
}

function readTarget({ conversationId, channelId, address }: Input): Target {
  const id = decodeGiven('Conversation', conversationId, 'conversationId');
  if (id !== null) {
    for (const [field, value] of Object.entries({ channelId, address }))
      if (value) throw new InvalidInputError(field, 'must be omitted when conversationId is set');
    return { conversationId: id };
  }
  const channel = decodeGiven('Channel', channelId, 'channelId');
  if (channel === null)
    throw new InvalidInputError('conversationId', 'required unless channelId and address are set');
  if (!address) throw new InvalidInputError('address', 'required and not empty when channelId is set');
  return { channelId: channel, address: readText(address, 'address', MAX.address) };
}

function readAction(input: Input): Action {
  const { kind } = input;
  const uses = FIELDS_OF[kind];
  const action: Record<string, unknown> = kind === 'TAG' ? { kind, add: [], remove: [] } : { kind };
  if (kind === 'HOLD') action.until = null;
  for (const field of FIELDS) {
    const value = input[field];
    const use = uses[field];
    if (use === undefined && value !== undefined && value !== null)
      throw new InvalidInputError(field, `not allowed for ${kind}: omit it`);
    const isRequired = use === 'required' || (use === 'nullable' && value === undefined);
    if (isRequired && (value === undefined || value === null))
      throw new InvalidInputError(field, `required for ${kind}`);
    if (value === null && use === 'nullable') action[field] = null;
    // The value is of the field's type, which the compiler cannot follow through the loop.
    else if (value !== undefined && value !== null) action[field] = READ[field](value as never, kind);
  }
  checkOneOf(input);
  return action as Action;
}

/** The fields of which a kind needs at least one; empty for most kinds. */
const ONE_OF = new Map(
  ACTIONS.map((kind) => [kind, FIELDS.filter((field) => FIELDS_OF[kind][field] === 'one of')]),
);

/** @throws InvalidInputError if the kind needs one of several fields and all are missing or empty */
function checkOneOf(input: Input): void {
  const [first, ...others] = ONE_OF.get(input.kind) ?? [];
  const isGiven = (field: ActivityField) => Boolean((input[field] as string | string[] | null)?.length);
  if (first === undefined || isGiven(first) || others.some(isGiven)) return;
  throw new InvalidInputError(first, `required for ${input.kind} unless ${others.join(' or ')} is set`);
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
    // Malformed: refused below.
  }
  throw new InvalidInputError(
    'locale',
    `a language tag such as en or pt-BR, of at most ${MAX.locale} characters, is allowed`,
  );
}

function readInstant(at: Date, field: string): Date {
  if (at.getTime() < 0)
    throw new InvalidInputError(field, 'an instant from 1970-01-01T00:00:00Z on is allowed');
  return at;
}
