import { z } from 'zod';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import {
  type Item,
  identifier,
  missingField,
  readBody,
  readItems,
  unixMilliseconds,
} from '../../shared/fields.ts';

const TEXT = z.object({ abstractMessage: z.object({ staticContent: z.object({ text: z.string() }) }) });
const END_USER = 'EndUser';
const participant = z.object({ subject: identifier(255), role: z.string() });

/** Sent from the customer's side to Salesforce: POST /interactions, the part named json. */
const inbound = z.object({
  from: identifier(255),
  to: z.string(),
  interactions: z.array(z.unknown()).max(100),
});
const interaction = z.object({
  interactionType: z.string(),
  timestamp: unixMilliseconds,
  id: z.unknown().optional(),
  text: z.string().nullish(),
  payload: z.looseObject({ entryType: z.string(), id: z.unknown().optional() }).optional(),
});

/** Sent from Salesforce to the customer's side: the payload of its custom platform event. */
const outbound = z.object({
  channelAddressIdentifier: z.string(),
  recipient: participant,
  payload: z.unknown(),
});
const entry = z.object({
  identifier: identifier(255),
  entryType: z.string(),
  sender: z.object({ role: z.string() }),
  transcriptedTimestamp: unixMilliseconds,
  entryPayload: z.unknown().optional(),
});
const session = z.object({ sessionStatus: z.string(), sessionEndedByRole: z.string().nullish() });

/** Acknowledged by the customer's side: POST /acknowledgement. */
const acknowledgements = z.object({
  sender: participant,
  acknowledgements: z.array(z.unknown()).max(100),
});
const acknowledgement = z.object({
  acknowledgementType: z.enum(['Read', 'Delivered']),
  acknowledgedConversationEntryIdentifier: identifier(255),
  acknowledgementTimestamp: unixMilliseconds,
});

const body = z.union([inbound, outbound, acknowledgements], {
  error: 'an interaction request, an acknowledgement request or an interaction event of Salesforce',
});

/**
 * Parses a body of Salesforce's Interaction Service. The customer's side sends messages, files and delivery statuses;
 * Salesforce sends messages of agents and bots, and ends of sessions. Other events (typing, routing, notes, participants)
 * and events of other channels are ignored.
 * @throws InvalidInputError if the body as a whole is malformed
 */
export function parseInteractions(bytes: Uint8Array, channelAddress: string): Inbound {
  return readItems(itemsOf(readBody(body, bytes), channelAddress));
}

function itemsOf(read: z.output<typeof body>, channelAddress: string): Item[] {
  if ('interactions' in read) {
    const schema = read.to === channelAddress ? interactionFrom(read.from) : null;
    return read.interactions.map((value, index) => ({ field: `interactions[${index}]`, value, schema }));
  }
  if ('acknowledgements' in read) {
    const schema = acknowledgementFrom(read.sender.subject);
    return read.acknowledgements.map((value, index) => ({
      field: `acknowledgements[${index}]`,
      value,
      schema,
    }));
  }
  const isOwn = read.channelAddressIdentifier === channelAddress && read.recipient.role === END_USER;
  return [{ field: 'payload', value: read.payload, schema: isOwn ? entryTo(read.recipient.subject) : null }];
}

function interactionFrom(address: string): z.ZodType<InboundEvent | null> {
  return interaction.transform((read, context): InboundEvent | null => {
    const { interactionType, payload, timestamp } = read;
    const isFile = interactionType === 'AttachmentInteraction';
    const id = identifier(255).safeParse(isFile ? read.id : payload?.id);
    if (isFile || payload?.entryType === 'Message') {
      if (id.success) return messageOf(address, id.data, timestamp, isFile ? read.text : textIn(payload));
      return missingField(context, isFile ? ['id'] : ['payload', 'id'], 'an id');
    }
    if (payload?.entryType !== 'MessageDeliveryFailed') return null;
    const failed = identifier(255).safeParse(payload.failedConversationEntryIdentifier);
    if (!failed.success) return null;
    return { kind: 'RECEIPT', providerMessageId: failed.data, address, state: 'FAILED', at: timestamp };
  });
}

function messageOf(address: string, id: string, sentAt: Date, text: string | null | undefined): InboundEvent {
  return { kind: 'MESSAGE', providerMessageId: id, address, sentAt, ...(text ? { text } : {}) };
}

function textIn(payload: unknown): string | null {
  const read = TEXT.safeParse(payload);
  return read.success ? read.data.abstractMessage.staticContent.text : null;
}

function acknowledgementFrom(address: string): z.ZodType<InboundEvent> {
  return acknowledgement.transform(
    (read): InboundEvent => ({
      kind: 'RECEIPT',
      providerMessageId: read.acknowledgedConversationEntryIdentifier,
      address,
      state: read.acknowledgementType === 'Read' ? 'READ' : 'DELIVERED',
      at: read.acknowledgementTimestamp,
    }),
  );
}

/** An entry of Salesforce's side. Salesforce also returns the customer's messages, which were interactions already. */
function entryTo(address: string): z.ZodType<InboundEvent | null> {
  return entry.transform(({ identifier, entryType, sender, transcriptedTimestamp: at, entryPayload }) => {
    if (entryType === 'Message') {
      const by = SENDERS.get(sender.role);
      if (by === undefined) return null;
      return { kind: 'ECHO', providerMessageId: identifier, address, sender: by, at } as const;
    }
    const ended = session.safeParse(entryPayload);
    if (entryType !== 'SessionStatusChanged' || ended.data?.sessionStatus !== 'Ended') return null;
    const role = ended.data.sessionEndedByRole ?? 'System';
    if (role === END_USER) return { kind: 'LEAVE', providerEventId: identifier, address, at } as const;
    const by = role === 'Agent' || role === 'Supervisor' ? 'AGENT' : 'BOT';
    return { kind: 'END', providerEventId: identifier, address, by, at } as const;
  });
}

const SENDERS: ReadonlyMap<string, 'AGENT' | 'BOT' | 'AUTOMATION'> = new Map([
  ['Agent', 'AGENT'],
  ['Supervisor', 'AGENT'],
  ['Chatbot', 'BOT'],
  ['System', 'AUTOMATION'],
]);
