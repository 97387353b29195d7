import { z } from 'zod';
import type { ReceiptState } from '../../../domain/conversation/activity.ts';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import { type Item, readBody, readItems, unixSeconds, word } from '../../shared/fields.ts';

/** Kinds of message that say nothing new: what becomes of another message, and what WhatsApp itself tells. */
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
const WHO = 'a phone number or the id of a user';

const message = z
  .object({
    id: word(255),
    from: word(255).optional(),
    from_user_id: word(255).optional(),
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
  .transform(({ id, timestamp, type, ...said }, problems): InboundEvent | null => {
    if (NOT_MESSAGES.has(type)) return null;
    const address = said.from ?? said.from_user_id;
    if (address === undefined) {
      problems.addIssue({ code: 'custom', path: ['from'], message: WHO });
      return z.NEVER;
    }
    const text =
      said.text?.body ??
      said.button?.text ??
      said.interactive?.button_reply?.title ??
      said.interactive?.list_reply?.title;
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
    id: word(255),
    status: z.string(),
    timestamp: unixSeconds,
    recipient_id: word(255).optional(),
    recipient_user_id: word(255).optional(),
  })
  .transform((read, problems): InboundEvent | null => {
    const state = STATES.get(read.status);
    if (state === undefined) return null;
    const address = read.recipient_id ?? read.recipient_user_id;
    if (address === undefined) {
      problems.addIssue({ code: 'custom', path: ['recipient_id'], message: WHO });
      return z.NEVER;
    }
    return { kind: 'RECEIPT', providerMessageId: read.id, address, state, at: read.timestamp };
  });

/** What was written in the WhatsApp Business app beside this API: people write there. */
const echo = z
  .object({
    id: word(255),
    to: word(255).optional(),
    to_user_id: word(255).optional(),
    timestamp: unixSeconds,
    type: z.string(),
  })
  .transform(({ id, timestamp, type, ...read }, problems): InboundEvent | null => {
    if (NOT_MESSAGES.has(type)) return null;
    const address = read.to ?? read.to_user_id;
    if (address === undefined) {
      problems.addIssue({ code: 'custom', path: ['to'], message: WHO });
      return z.NEVER;
    }
    return { kind: 'ECHO', providerMessageId: id, address, sender: 'AGENT', at: timestamp };
  });

const body = z.object({ object: z.string(), entry: z.array(z.unknown()).max(1000) });
const entry = z.object({ changes: z.array(z.unknown()).max(1000) });
const change = z.object({ field: z.string(), value: z.unknown().optional() });
const things = z.array(z.unknown()).max(1000).default([]);
const value = z.object({
  metadata: z.object({ phone_number_id: z.string() }),
  messages: things,
  statuses: things,
  message_echoes: things,
});
/** Who writes to a group writes to no business in particular. */
const grouped = z.union([
  z.object({ group_id: z.string() }),
  z.object({ recipient_type: z.literal('group') }),
]);

/** What the fields of a change hold that Lull has a use for. */
const FIELDS: ReadonlyMap<
  string,
  readonly (readonly ['messages' | 'statuses' | 'message_echoes', Item['as']])[]
> = new Map([
  ['messages', [['messages', message] as const, ['statuses', status] as const]],
  ['smb_message_echoes', [['message_echoes', echo] as const]],
  ['message_echoes', [['message_echoes', echo] as const]],
]);

/**
 * Reads a call of the Cloud API, which gathers many events. Those of other phone numbers are ignored, as is what Lull
 * has no use for: that a message was sent, reactions, changes of templates and the like.
 * @throws InvalidInputError where the body as a whole is of another form
 */
export function parseWhatsApp(bytes: Uint8Array, phoneNumberId: string): Inbound {
  const read = readBody(body, bytes);
  if (read.object !== 'whatsapp_business_account') return { events: [], ignored: 1, malformed: [] };
  return readItems(
    read.entry.flatMap((one, index) => {
      const at = `entry[${index}]`;
      const opened = entry.safeParse(one);
      if (!opened.success) return [unreadable(at, one, entry)];
      return opened.data.changes.flatMap((inner, number) =>
        itemsOf(`${at}.changes[${number}]`, inner, phoneNumberId),
      );
    }),
  );
}

function itemsOf(at: string, given: unknown, phoneNumberId: string): Item[] {
  const opened = change.safeParse(given);
  if (!opened.success) return [unreadable(at, given, change)];
  const lists = FIELDS.get(opened.data.field);
  if (lists === undefined) return [{ at, value: given, as: null }];
  const inner = value.safeParse(opened.data.value);
  if (!inner.success) return [unreadable(`${at}.value`, opened.data.value, value)];
  const isOurs = inner.data.metadata.phone_number_id === phoneNumberId;
  const items = lists.flatMap(([list, as]) =>
    inner.data[list].map((one, index): Item => {
      const isRead = isOurs && !grouped.safeParse(one).success;
      return { at: `${at}.value.${list}[${index}]`, value: one, as: isRead ? as : null };
    }),
  );
  return items.length > 0 ? items : [{ at, value: given, as: null }];
}

/** Something that holds events and can't be opened: read again, it is reported. */
function unreadable(at: string, given: unknown, schema: z.ZodType): Item {
  return { at, value: given, as: schema.transform(() => null) };
}
