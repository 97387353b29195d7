import type { TransactionSql } from 'postgres';
import { lockContacts } from '../db/rows/contacts.ts';
import { contactsOfConversations, lockConversations } from '../db/rows/conversations.ts';
import { keepErased, NOTHING_KNOWN } from '../db/rows/erased-identifiers.ts';
import { insertEvents, knownMessages, messageKey } from '../db/rows/events.ts';
import type { DeliveryOutcome, Event, Part } from '../domain/conversation/event.ts';
import type { EngineDeps } from '../engine.ts';

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
 * changes nothing else (LL-9); by the message's id its echo is known. Of an erased contact the hash of the id is kept, not the
 * id (PE-15), and nothing that a provider answered.
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
  const asked = deliveries.flatMap(({ messageId }) => (messageId === null ? [] : [{ channelId, messageId }]));
  // The echo may have come first; then the id is its.
  const known = asked.length ? await knownMessages(sql, accountId, asked) : new Map<string, string>();
  const isKept = (id: string) => !contact?.isErased && !known.has(messageKey(channelId, id));
  // What a provider answered may name whom it was for.
  const isTold = (outcome: DeliveryOutcome) =>
    !contact?.isErased || outcome === 'SENT' || outcome === 'SKIPPED';
  const events = deliveries.map(
    ({ part, outcome, reason, messageId }, index): Event => ({
      ...{ accountId, conversationId, revision: revision + index + 1, kind: 'DELIVERY' },
      ...{ at: now, recordedAt: now, actor: 'OWN', agentId: null, channelId },
      messageId: messageId !== null && isKept(messageId) ? messageId : null,
      ...{ timer: null, effect: null, status, awaiting },
      data: {
        ...{ part, outcome },
        ...(reason === null || !isTold(outcome) ? {} : { reason: storable(reason) }),
      },
    }),
  );
  await insertEvents(sql, accountId, events);
  // An echo of what was under way while its customer was erased must not bring the address back.
  const erased = contact?.isErased ? asked : [];
  if (erased.length > 0)
    await keepErased(
      sql,
      accountId,
      erased.map(({ messageId }) => ({
        hash: identifierHash({ kind: 'MESSAGE', accountId, channelId, value: messageId }),
        ...{ ...NOTHING_KNOWN, erasedAt: now },
      })),
    );
  await sql`
    update conversation set revision = ${revision + events.length} where account_id = ${accountId} and id = ${conversationId}`;
}
