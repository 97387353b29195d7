import type { TransactionSql } from 'postgres';
import { lockContacts } from '../db/contacts.ts';
import { contactsOfConversations, lockConversations } from '../db/conversations.ts';
import { insertEvents, knownMessages, messageKey } from '../db/events.ts';
import type { DeliveryOutcome, Event, Part } from '../domain/event.ts';

/** What became of something that Lull had to show to a customer; `messageId` is the channel's, if it gave one. */
export type Delivery = {
  part: Part;
  outcome: DeliveryOutcome;
  reason: string | null;
  messageId: string | null;
};

/** A reason may be a provider's: cut, and without what a database cannot hold. */
function storable(reason: string): string {
  return reason.slice(0, 500).replaceAll('\0', '').toWellFormed();
}

/**
 * Adds to a conversation's feed what was shown to its customer, and what was not and why (LL-14). It moves no clock and
 * changes nothing else (LL-9); by the message's id its echo is known. Of an erased contact no id is kept (PE-15).
 */
export async function recordDeliveries(
  sql: TransactionSql,
  accountId: string,
  conversationId: string,
  deliveries: readonly Delivery[],
  now: Date,
): Promise<void> {
  const contactId = (await contactsOfConversations(sql, accountId, [conversationId])).get(conversationId);
  if (contactId === undefined || deliveries.length === 0) return;
  const [contact] = await lockContacts(sql, accountId, [contactId]);
  const [conversation] = await lockConversations(sql, accountId, [conversationId]);
  if (!conversation) return;
  const { channelId, status, awaiting, revision } = conversation;
  const asked = deliveries.flatMap(({ messageId }) => (messageId === null ? [] : [{ channelId, messageId }]));
  // The echo may have come first; then the id is its.
  const known = asked.length ? await knownMessages(sql, accountId, asked) : new Map<string, string>();
  const isKept = (id: string) => !contact?.isErased && !known.has(messageKey(channelId, id));
  const events = deliveries.map(
    ({ part, outcome, reason, messageId }, index): Event => ({
      ...{ accountId, conversationId, revision: revision + index + 1, kind: 'DELIVERY' },
      ...{ at: now, recordedAt: now, actor: 'OWN', agentId: null, channelId },
      messageId: messageId !== null && isKept(messageId) ? messageId : null,
      ...{ timer: null, effect: null, status, awaiting },
      data: { part, outcome, ...(reason === null ? {} : { reason: storable(reason) }) },
    }),
  );
  await insertEvents(sql, accountId, events);
  await sql`
    update conversation set revision = ${revision + events.length} where account_id = ${accountId} and id = ${conversationId}`;
}
