import { z } from 'zod';
import type { ReceiptState } from '../../../domain/conversation/activity.ts';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import {
  type Item,
  identifier,
  missingField,
  readBody,
  readItems,
  unixSeconds,
} from '../../shared/fields.ts';

/** Message types without new content: changes to another message, and notices of WhatsApp itself. */
const NOT_MESSAGES: ReadonlySet<string> = new Set([
  'reaction',
  'system',
  'request_welcome',
  'edit',
  'revoke',
]);
const STATES: ReadonlyMap<string, ReceiptState> = new Map([
  ['delivered', 'DELIVERED'],
  ['read', 'READ'],
  ['failed', 'FAILED'],
]);
const ADDRESS_ALLOWED = 'a phone number or the id of a user';

const message = z
  .object({
    id: identifier(255),
    from: identifier(255).optional(),
    from_user_id: identifier(255).optional(),
    timestamp: unixSeconds,
    type: z.string(),
    text: z.object({ body: z.string() }).optional(),
    button: z.object({ text: z.string().optional() }).optional(),
    interactive: z
      .object({
        button_reply: z.object({ title: z.string() }).optional(),
        list_reply: z.object({ title: z.string() }).optional(),
      })
      .optional(),
  })
  .transform(({ id, timestamp, type, ...content }, context): InboundEvent | null => {
    if (NOT_MESSAGES.has(type)) return null;
    const address = content.from ?? content.from_user_id;
    if (address === undefined) return missingField(context, ['from'], ADDRESS_ALLOWED);
    const text =
      content.text?.body ??
      content.button?.text ??
      content.interactive?.button_reply?.title ??
      content.interactive?.list_reply?.title;
    return {
      kind: 'MESSAGE',
      providerMessageId: id,
      address,
      sentAt: timestamp,
      ...(text === undefined ? {} : { text }),
    };
  });

const status = z
  .object({
    id: identifier(255),
    status: z.string(),
    timestamp: unixSeconds,
    recipient_id: identifier(255).optional(),
    recipient_user_id: identifier(255).optional(),
  })
  .transform((read, context): InboundEvent | null => {
    const state = STATES.get(read.status);
    if (state === undefined) return null;
    const address = read.recipient_id ?? read.recipient_user_id;
    if (address === undefined) return missingField(context, ['recipient_id'], ADDRESS_ALLOWED);
    return { kind: 'RECEIPT', providerMessageId: read.id, address, state, at: read.timestamp };
  });

/** A message written in the WhatsApp Business app, which only people use. */
const echo = z
  .object({
    id: identifier(255),
    to: identifier(255).optional(),
    to_user_id: identifier(255).optional(),
    timestamp: unixSeconds,
    type: z.string(),
  })
  .transform(({ id, timestamp, type, ...read }, context): InboundEvent | null => {
    if (NOT_MESSAGES.has(type)) return null;
    const address = read.to ?? read.to_user_id;
    if (address === undefined) return missingField(context, ['to'], ADDRESS_ALLOWED);
    return { kind: 'ECHO', providerMessageId: id, address, sender: 'AGENT', at: timestamp };
  });

const body = z.object({ object: z.string(), entry: z.array(z.unknown()).max(1000) });
const entry = z.object({ changes: z.array(z.unknown()).max(1000) });
const change = z.object({ field: z.string(), value: z.unknown().optional() });
const list = z.array(z.unknown()).max(1000).default([]);
const value = z.object({
  metadata: z.object({ phone_number_id: z.string() }),
  messages: list,
  statuses: list,
  message_echoes: list,
});
/** A message to a group is not addressed to the business. */
const groupMessage = z.union([
  z.object({ group_id: z.string() }),
  z.object({ recipient_type: z.literal('group') }),
]);

type ListName = 'messages' | 'statuses' | 'message_echoes';
/** The lists in each field of a change, with the schema of their items. */
const LISTS: ReadonlyMap<string, readonly (readonly [ListName, Item['schema']])[]> = new Map<
  string,
  readonly (readonly [ListName, Item['schema']])[]
>([
  [
    'messages',
    [
      ['messages', message],
      ['statuses', status],
    ],
  ],
  ['smb_message_echoes', [['message_echoes', echo]]],
  ['message_echoes', [['message_echoes', echo]]],
]);

/**
 * Parses a request of the Cloud API, which batches many events. Events of other phone numbers are ignored, and so are
 * events that Lull does not use, such as sent statuses, reactions and template changes.
 * @throws InvalidInputError if the body as a whole is malformed
 */
export function parseWhatsApp(bytes: Uint8Array, phoneNumberId: string): Inbound {
  const read = readBody(body, bytes);
  if (read.object !== 'whatsapp_business_account') return { events: [], ignored: 1, malformed: [] };
  return readItems(
    read.entry.flatMap((value, index) => {
      const field = `entry[${index}]`;
      const parsed = entry.safeParse(value);
      if (!parsed.success) return [malformedItem(field, value, entry)];
      return parsed.data.changes.flatMap((inner, number) =>
        itemsOf(`${field}.changes[${number}]`, inner, phoneNumberId),
      );
    }),
  );
}

function itemsOf(field: string, given: unknown, phoneNumberId: string): Item[] {
  const parsed = change.safeParse(given);
  if (!parsed.success) return [malformedItem(field, given, change)];
  const lists = LISTS.get(parsed.data.field);
  if (lists === undefined) return [{ field, value: given, schema: null }];
  const content = value.safeParse(parsed.data.value);
  if (!content.success) return [malformedItem(`${field}.value`, parsed.data.value, value)];
  const isOwn = content.data.metadata.phone_number_id === phoneNumberId;
  const items = lists.flatMap(([name, schema]) =>
    content.data[name].map((item, index): Item => {
      const isUsed = isOwn && !groupMessage.safeParse(item).success;
      return { field: `${field}.value.${name}[${index}]`, value: item, schema: isUsed ? schema : null };
    }),
  );
  return items.length > 0 ? items : [{ field, value: given, schema: null }];
}

/** A malformed container: parsing it again as an item reports it. */
function malformedItem(field: string, value: unknown, schema: z.ZodType): Item {
  return { field, value, schema: schema.transform(() => null) };
}
