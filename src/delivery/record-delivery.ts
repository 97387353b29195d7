import type { TransactionSql } from 'postgres';
import { lockContacts } from '../db/rows/contacts.ts';
import { contactsOfConversations, lockConversations } from '../db/rows/conversations.ts';
import { keepErased, NOTHING_KNOWN } from '../db/rows/erased-identifiers.ts';
import { insertEvents, knownMessages, messageKey } from '../db/rows/events.ts';
import type { DeliveryOutcome, Event, Part } from '../domain/conversation/event.ts';
import type { EngineDeps } from '../engine.ts';

/** The outcome of showing a part to a customer. `messageId`: the provider's; null if it gave none. */
export type Delivery = {
  part: Part;
  outcome: DeliveryOutcome;
  reason: string | null;
  messageId: string | null;
};

/** A reason may be a provider's text: it is cut, and characters that a database cannot hold are removed. */
function storable(reason: string): string {
  return reason.slice(0, 500).replaceAll('\0', '').toWellFormed();
}

/**
 * Adds deliveries to the feed of a conversation (LL-14). They move no clock (LL-9); an echo is recognised by the message id.
 * For an erased contact the hash of the id is kept instead of the id (PE-15), and no provider's text.
 */
export async function recordDeliveries(
  { identifierHash }: Pick<EngineDeps, 'identifierHash'>,
  sql: TransactionSql,
  { accountId, conversationId, now }: { accountId: string; conversationId: string; now: Date },
  deliveries: readonly Delivery[],
): Promise<void> {
  const contactId = (await contactsOfConversations(sql, accountId, [conversationId])).get(conversationId);
  if (contactId === undefined || deliveries.length === 0) return;
  const [contact] = await lockContacts(sql, accountId, [contactId]);
  const [conversation] = await lockConversations(sql, accountId, [conversationId]);
  if (!conversation) return;
  const { channelId, status, awaiting, revision } = conversation;
  const messages = deliveries.flatMap(({ messageId }) =>
    messageId === null ? [] : [{ channelId, messageId }],
  );
  // If the echo came first, its event has the id.
  const known = messages.length ? await knownMessages(sql, accountId, messages) : new Map<string, string>();
  const isKept = (id: string) => !contact?.isErased && !known.has(messageKey(channelId, id));
  // A provider's text may contain the address.
  const hasReason = (outcome: DeliveryOutcome) =>
    !contact?.isErased || outcome === 'SENT' || outcome === 'SKIPPED';
  const events = deliveries.map(
    ({ part, outcome, reason, messageId }, index): Event => ({
      ...{ accountId, conversationId, revision: revision + index + 1, kind: 'DELIVERY' },
      ...{ at: now, recordedAt: now, actor: 'OWN', agentId: null, channelId },
      messageId: messageId !== null && isKept(messageId) ? messageId : null,
      ...{ timer: null, effect: null, status, awaiting },
      data: {
        ...{ part, outcome },
        ...(reason === null || !hasReason(outcome) ? {} : { reason: storable(reason) }),
      },
    }),
  );
  await insertEvents(sql, accountId, events);
  // The echo of a message that was under way during the erasure must not bring the address back.
  if (contact?.isErased && messages.length > 0)
    await keepErased(
      sql,
      accountId,
      messages.map(({ messageId }) => ({
        hash: identifierHash({ kind: 'MESSAGE', accountId, channelId, value: messageId }),
        ...{ ...NOTHING_KNOWN, erasedAt: now },
      })),
    );
  await sql`
    update conversation set revision = ${revision + events.length} where account_id = ${accountId} and id = ${conversationId}`;
}
