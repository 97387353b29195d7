import { z } from 'zod';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import { type Item, readBody, readItems, unixMilliseconds, word } from '../../shared/fields.ts';

const TEXT = z.object({ abstractMessage: z.object({ staticContent: z.object({ text: z.string() }) }) });
const END_USER = 'EndUser';
const participant = z.object({ subject: word(255), role: z.string() });

/** What the customer's side sends to Salesforce: POST /interactions, the part named json. */
const inbound = z.object({
  from: word(255),
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

/** What Salesforce sends to the customer's side: the payload of its custom platform event. */
const outbound = z.object({
  channelAddressIdentifier: z.string(),
  recipient: participant,
  payload: z.unknown(),
});
const entry = z.object({
  identifier: word(255),
  entryType: z.string(),
  sender: z.object({ role: z.string() }),
  transcriptedTimestamp: unixMilliseconds,
  entryPayload: z.unknown().optional(),
});
const session = z.object({ sessionStatus: z.string(), sessionEndedByRole: z.string().nullish() });

/** What the customer's side acknowledges: POST /acknowledgement. */
const acknowledgements = z.object({
  sender: participant,
  acknowledgements: z.array(z.unknown()).max(100),
});
const acknowledgement = z.object({
  acknowledgementType: z.enum(['Read', 'Delivered']),
  acknowledgedConversationEntryIdentifier: word(255),
  acknowledgementTimestamp: unixMilliseconds,
});

const body = z.union([inbound, outbound, acknowledgements], {
  error: 'an interaction request, an acknowledgement request or an interaction event of Salesforce',
});

/**
 * Reads a body of Salesforce's Interaction Service. From the customer's side: messages with and without a file, and
 * messages that failed or were delivered or read. From Salesforce: messages of agents and bots, and ends of sessions.
 * All else (typing, routing, notes, participants) is ignored, as is what is about another channel.
 * @throws InvalidInputError where the body as a whole is of another form
 */
export function parseInteractions(bytes: Uint8Array, channelAddress: string): Inbound {
  return readItems(itemsOf(readBody(body, bytes), channelAddress));
}

function itemsOf(read: z.output<typeof body>, channelAddress: string): Item[] {
  if ('interactions' in read) {
    const as = read.to === channelAddress ? interactionBy(read.from) : null;
    return read.interactions.map((value, index) => ({ at: `interactions[${index}]`, value, as }));
  }
  if ('acknowledgements' in read) {
    const as = acknowledgementBy(read.sender.subject);
    return read.acknowledgements.map((value, index) => ({ at: `acknowledgements[${index}]`, value, as }));
  }
  const isOurs = read.channelAddressIdentifier === channelAddress && read.recipient.role === END_USER;
  return [{ at: 'payload', value: read.payload, as: isOurs ? entryFor(read.recipient.subject) : null }];
}

function interactionBy(address: string): z.ZodType<InboundEvent | null> {
  return interaction.transform((read, problems): InboundEvent | null => {
    const { interactionType, payload, timestamp } = read;
    const isFile = interactionType === 'AttachmentInteraction';
    const id = word(255).safeParse(isFile ? read.id : payload?.id);
    if (isFile || payload?.entryType === 'Message') {
      if (id.success) return messageOf(address, id.data, timestamp, isFile ? read.text : textIn(payload));
      problems.addIssue({ code: 'custom', path: isFile ? ['id'] : ['payload', 'id'], message: 'an id' });
      return z.NEVER;
    }
    if (payload?.entryType !== 'MessageDeliveryFailed') return null;
    const failed = word(255).safeParse(payload.failedConversationEntryIdentifier);
    if (!failed.success) return null;
    return {
      ...{ kind: 'RECEIPT', providerMessageId: failed.data, address },
      ...{ state: 'FAILED', at: timestamp },
    };
  });
}

function messageOf(address: string, id: string, sentAt: Date, text: string | null | undefined): InboundEvent {
  return { kind: 'MESSAGE', providerMessageId: id, address, sentAt, ...(text ? { text } : {}) };
}

function textIn(payload: unknown): string | null {
  const read = TEXT.safeParse(payload);
  return read.success ? read.data.abstractMessage.staticContent.text : null;
}

function acknowledgementBy(address: string): z.ZodType<InboundEvent> {
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

/** An entry of Salesforce's side. What the customer wrote comes back here too: that was an interaction already. */
function entryFor(address: string): z.ZodType<InboundEvent | null> {
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
