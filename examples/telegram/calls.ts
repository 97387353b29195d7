import { type InboundEvent, type Item, unixSeconds, z } from 'lull/adapters';

/** A call holds one update: its number, and one field that tells what happened. */
export const update = z.looseObject({ update_id: z.int().nonnegative() });

const chat = z.object({ id: z.int().transform(String), type: z.string() });

const message = z.object({
  message_id: z.int().nonnegative().transform(String),
  date: unixSeconds,
  edit_date: unixSeconds.optional(),
  chat,
  from: z.object({ is_bot: z.boolean(), language_code: z.string().optional() }).optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
});

/** Ids of messages are unique within a chat; one that is edited is written anew, at another time. */
function written({ message_id, date, edit_date, chat, from, text, caption }: z.output<typeof message>) {
  if (chat.type !== 'private' || from?.is_bot !== false) return null;
  const said = text ?? caption;
  const edition = edit_date === undefined ? '' : `:${edit_date.getTime() / 1000}`;
  return {
    kind: 'MESSAGE',
    providerMessageId: `${chat.id}:${message_id}${edition}`,
    address: chat.id,
    sentAt: edit_date ?? date,
    ...(said ? { text: said } : {}),
    ...(from.language_code ? { locale: from.language_code } : {}),
  } satisfies InboundEvent;
}

const membership = z.object({
  update_id: z.int(),
  my_chat_member: z.object({ chat, date: unixSeconds, new_chat_member: z.object({ status: z.string() }) }),
});

/** A customer who blocks the bot makes it `kicked` in their chat. */
function left({ update_id, my_chat_member: { chat, date, new_chat_member } }: z.output<typeof membership>) {
  if (chat.type !== 'private' || new_chat_member.status !== 'kicked') return null;
  return {
    kind: 'LEAVE',
    providerEventId: `update:${update_id}`,
    address: chat.id,
    at: date,
  } satisfies InboundEvent;
}

/** How to read an update; null: it is of a kind that Lull has no use for. */
export function readingOf(value: z.output<typeof update>): Item['as'] {
  if ('message' in value) return z.object({ message }).transform((read) => written(read.message));
  if ('edited_message' in value)
    return z.object({ edited_message: message }).transform((read) => written(read.edited_message));
  return 'my_chat_member' in value ? membership.transform(left) : null;
}
