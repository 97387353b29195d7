import { type InboundEvent, type Item, unixSeconds, z } from 'lull/adapters';

/** A request contains one update: its number, and one field with the event. */
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

/** Message ids are unique within a chat. An edited message counts as a new one at the time of the edit. */
function messageOf({ message_id, date, edit_date, chat, from, text, caption }: z.output<typeof message>) {
  if (chat.type !== 'private' || from?.is_bot !== false) return null;
  const content = text ?? caption;
  const edition = edit_date === undefined ? '' : `:${edit_date.getTime() / 1000}`;
  return {
    kind: 'MESSAGE',
    providerMessageId: `${chat.id}:${message_id}${edition}`,
    address: chat.id,
    sentAt: edit_date ?? date,
    ...(content ? { text: content } : {}),
    ...(from.language_code ? { locale: from.language_code } : {}),
  } satisfies InboundEvent;
}

const membership = z.object({
  update_id: z.int(),
  my_chat_member: z.object({ chat, date: unixSeconds, new_chat_member: z.object({ status: z.string() }) }),
});

/** When a customer blocks the bot, its status in their chat becomes `kicked`. */
function leaveOf({
  update_id,
  my_chat_member: { chat, date, new_chat_member },
}: z.output<typeof membership>) {
  if (chat.type !== 'private' || new_chat_member.status !== 'kicked') return null;
  return {
    kind: 'LEAVE',
    providerEventId: `update:${update_id}`,
    address: chat.id,
    at: date,
  } satisfies InboundEvent;
}

/** The schema of an update; null: Lull does not use this kind of update. */
export function schemaOf(value: z.output<typeof update>): Item['schema'] {
  if ('message' in value) return z.object({ message }).transform((read) => messageOf(read.message));
  if ('edited_message' in value)
    return z.object({ edited_message: message }).transform((read) => messageOf(read.edited_message));
  return 'my_chat_member' in value ? membership.transform(leaveOf) : null;
}
