import { z } from 'zod';
import type { Inbound, InboundEvent, InboundRequest } from '../../adapter.ts';
import { type Item, instant, readBody, readItems } from '../../shared/fields.ts';
import { RECEIPT_STATES, SID, sid } from '../../shared/twilio.ts';
import { type FieldFormats, readSigned } from '../../shared/twilio-signature.ts';

type OwnSettings = {
  accountSid: string;
  customerIdentities?: string | undefined;
  botAuthors: readonly string[];
};

/** A channel address: `+15550100`, `whatsapp:+15550100`, `messenger:123`. */
const CHANNEL_ADDRESS = /^([a-z]+:.+|\+\d+)$/;
/** The sources of messages sent through Twilio's API and SDKs instead of a channel. */
const API_SOURCES: ReadonlySet<string> = new Set(['SDK', 'API']);

/**
 * The formats of the fields that say what a form is about. Text, author and attributes are free. Fields of another event
 * type cannot pass for these, because the format of EventType excludes it.
 */
export const FORMATS: FieldFormats = {
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
/** The event types of event streams that Lull uses, with their names in webhooks. */
const STREAM_EVENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['com.twilio.conversations.message.added', 'onMessageAdded'],
  ['com.twilio.conversations.conversation-state.updated', 'onConversationStateUpdated'],
]);

/**
 * Parses a request: the form of a webhook, or JSON with one event or the list of an event stream. Lull uses messages,
 * delivery statuses and closes, and ignores other events.
 * @throws InvalidInputError if the body as a whole is malformed
 */
export function parseConversations(request: InboundRequest, own: OwnSettings): Inbound {
  const signed = readSigned(request, FORMATS);
  if (signed.kind === 'FORM') return readItems([itemOf('body', Object.fromEntries(signed.fields), own)]);
  const read = readBody(json, signed.body);
  if (!Array.isArray(read)) return readItems([itemOf('body', asWebhook(read), own)]);
  return readItems(read.map((value, index) => itemOf(`body[${index}]`, asWebhook(value), own)));
}

/** Converts an event of an event stream to the form of a webhook. */
function asWebhook(value: unknown): unknown {
  const read = streamed.safeParse(value);
  if (!read.success) return value;
  const { type, data } = read.data;
  return {
    ...data,
    EventType: STREAM_EVENT_TYPES.get(type) ?? type,
    ...('MessageBody' in data && { Body: data.MessageBody }),
  };
}

function itemOf(field: string, value: unknown, own: OwnSettings): Item {
  const head = loose.safeParse(value);
  if (!head.success) return { field, value, schema: loose.transform(() => null) };
  const isOwn = head.data.AccountSid === own.accountSid;
  return { field, value, schema: isOwn ? schemaOf(head.data.EventType, own) : null };
}

function schemaOf(eventType: string, own: OwnSettings): Item['schema'] {
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

function messageOf(read: z.output<typeof message>, own: OwnSettings): InboundEvent | null {
  // Lull marks its own messages: their echo can arrive before the response that contains their ids (LL-9).
  if (hasLullMark(read.Attributes)) return null;
  const { MessageSid: providerMessageId, ConversationSid: address, DateCreated: at, Author, Body } = read;
  if (isCustomerMessage(read, own))
    return { kind: 'MESSAGE', providerMessageId, address, sentAt: at, ...(Body ? { text: Body } : {}) };
  const sender = own.botAuthors.includes(Author ?? '') ? 'BOT' : 'AGENT';
  return { kind: 'ECHO', providerMessageId, address, sender, at };
}

/** Customers write on a channel, agents with an identity. An event stream has neither field, but the author's address. */
function isCustomerMessage(
  { ClientIdentity, Source, Author }: z.output<typeof message>,
  own: OwnSettings,
): boolean {
  const identity = ClientIdentity || (Source ? null : Author);
  const { customerIdentities } = own;
  if (identity && customerIdentities !== undefined && identity.startsWith(customerIdentities)) return true;
  if (ClientIdentity) return false;
  return Source ? !API_SOURCES.has(Source) : CHANNEL_ADDRESS.test(Author ?? '');
}

function hasLullMark(attributes: string | null | undefined): boolean {
  try {
    return typeof JSON.parse(attributes ?? '{}')?.lull === 'string';
  } catch {
    return false;
  }
}

function receiptOf(read: z.output<typeof delivery>): InboundEvent | null {
  const receiptState = RECEIPT_STATES.get(read.Status);
  if (receiptState === undefined) return null;
  return {
    ...{ kind: 'RECEIPT', providerMessageId: read.MessageSid, address: read.ConversationSid },
    ...{ state: receiptState, at: read.DateCreated },
  };
}

/** A conversation is closed only once, so its id identifies the event. Either Twilio's timer closes it, or a person. */
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
