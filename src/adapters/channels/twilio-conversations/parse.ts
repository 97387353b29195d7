import { z } from 'zod';
import type { ReceiptState } from '../../../domain/conversation/activity.ts';
import type { Inbound, InboundEvent, InboundRequest } from '../../adapter.ts';
import { type Item, instant, readBody, readItems } from '../../shared/fields.ts';
import { SID, sid } from '../../shared/twilio.ts';
import { type FieldForms, readSigned } from '../../shared/twilio-signature.ts';

type Own = { accountSid: string; customerIdentities?: string | undefined; botAuthors: readonly string[] };

/** An address of a channel: `+15550100`, `whatsapp:+15550100`, `messenger:123`. */
const CHANNEL_ADDRESS = /^([a-z]+:.+|\+\d+)$/;
/** Messages with these sources were written by way of Twilio and not on a channel. */
const BY_TWILIO: ReadonlySet<string> = new Set(['SDK', 'API']);
const STATES: ReadonlyMap<string, ReceiptState> = new Map([
  ['delivered', 'DELIVERED'],
  ['read', 'READ'],
  ['failed', 'FAILED'],
  ['undelivered', 'FAILED'],
]);

/**
 * How the fields of a form look that say what a call is about. Free are the text, who wrote it and attributes; the fields
 * of other events cannot pass for those of this one, since EventType cannot.
 */
export const FORMS: FieldForms = {
  ...{ AccountSid: SID, ConversationSid: SID, MessageSid: SID, Source: /[A-Z-]+/ },
  EventType: /onMessageAdded|onDeliveryUpdated|onConversationStateUpdated/,
  DateCreated: /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+)/,
};

const message = z.object({
  ConversationSid: sid,
  MessageSid: sid,
  DateCreated: instant,
  Body: z.string().nullish(),
  Author: z.string().nullish(),
  ClientIdentity: z.string().nullish(),
  Source: z.string().nullish(),
  Attributes: z.string().nullish(),
});
const delivery = z.object({
  ConversationSid: sid,
  MessageSid: sid,
  Status: z.string(),
  DateCreated: instant,
});
const state = z.object({
  ConversationSid: sid,
  StateTo: z.string(),
  StateUpdated: instant,
  Reason: z.string().nullish(),
});

const loose = z.looseObject({ AccountSid: z.string(), EventType: z.string() });
const streamed = z.object({ type: z.string(), data: z.looseObject({}) });
const json = z.union([z.array(z.unknown()).max(1000), z.looseObject({})], {
  error: 'an event, or a list of them',
});
/** The types of event streams that Lull has a use for, under the names they have in webhooks. */
const STREAMED: ReadonlyMap<string, string> = new Map([
  ['com.twilio.conversations.message.added', 'onMessageAdded'],
  ['com.twilio.conversations.conversation-state.updated', 'onConversationStateUpdated'],
]);

/**
 * Reads a call: the form of a webhook, or JSON, one event or the list that an event stream sends. Of all that happens
 * there messages, their delivery and closing count.
 * @throws InvalidInputError where the body can't be read as a whole
 */
export function parseConversations(request: InboundRequest, own: Own): Inbound {
  const signed = readSigned(request, FORMS);
  if (signed.kind === 'FORM') return readItems([itemOf('body', Object.fromEntries(signed.fields), own)]);
  const read = readBody(json, signed.body);
  if (!Array.isArray(read)) return readItems([itemOf('body', flat(read), own)]);
  return readItems(read.map((value, index) => itemOf(`body[${index}]`, flat(value), own)));
}

/** An event of a stream as a webhook has it. */
function flat(value: unknown): unknown {
  const read = streamed.safeParse(value);
  if (!read.success) return value;
  const { type, data } = read.data;
  return {
    ...data,
    EventType: STREAMED.get(type) ?? type,
    ...('MessageBody' in data && { Body: data.MessageBody }),
  };
}

function itemOf(at: string, value: unknown, own: Own): Item {
  const head = loose.safeParse(value);
  if (!head.success) return { at, value, as: loose.transform(() => null) };
  const isOurs = head.data.AccountSid === own.accountSid;
  return { at, value, as: isOurs ? readingOf(head.data.EventType, own) : null };
}

function readingOf(eventType: string, own: Own): Item['as'] {
  switch (eventType) {
    case 'onMessageAdded':
      return message.transform((read) => messageOf(read, own));
    case 'onDeliveryUpdated':
      return delivery.transform(receiptOf);
    case 'onConversationStateUpdated':
      return state.transform(endOf);
    default:
      return null;
  }
}

function messageOf(read: z.output<typeof message>, own: Own): InboundEvent | null {
  // Lull's own carry its mark: they may be told of before the answer that names their ids is in (LL-9).
  if (isMarked(read.Attributes)) return null;
  const { MessageSid: providerMessageId, ConversationSid: address, DateCreated: at, Author, Body } = read;
  if (isCustomers(read, own))
    return { kind: 'MESSAGE', providerMessageId, address, sentAt: at, ...(Body ? { text: Body } : {}) };
  const sender = own.botAuthors.includes(Author ?? '') ? 'BOT' : 'AGENT';
  return { kind: 'ECHO', providerMessageId, address, sender, at };
}

/** Customers write on a channel, agents under an identity; a stream says neither, but gives the author's address. */
function isCustomers({ ClientIdentity, Source, Author }: z.output<typeof message>, own: Own): boolean {
  const identity = ClientIdentity || (Source ? null : Author);
  const { customerIdentities } = own;
  if (identity && customerIdentities !== undefined && identity.startsWith(customerIdentities)) return true;
  if (ClientIdentity) return false;
  return Source ? !BY_TWILIO.has(Source) : CHANNEL_ADDRESS.test(Author ?? '');
}

function isMarked(attributes: string | null | undefined): boolean {
  try {
    return typeof JSON.parse(attributes ?? '{}')?.lull === 'string';
  } catch {
    return false;
  }
}

function receiptOf(read: z.output<typeof delivery>): InboundEvent | null {
  const became = STATES.get(read.Status);
  if (became === undefined) return null;
  return {
    ...{ kind: 'RECEIPT', providerMessageId: read.MessageSid, address: read.ConversationSid },
    ...{ state: became, at: read.DateCreated },
  };
}

/** A conversation is closed once, so that its id stands for the event. By a timer of Twilio's, or by hand. */
function endOf(read: z.output<typeof state>): InboundEvent | null {
  if (read.StateTo !== 'closed') return null;
  const { ConversationSid: address, StateUpdated: at, Reason } = read;
  return {
    kind: 'END',
    providerEventId: `closed:${address}`,
    address,
    by: Reason === 'TIMER' ? 'BOT' : 'AGENT',
    at,
  };
}
