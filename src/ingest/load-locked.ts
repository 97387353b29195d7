import type { TransactionSql } from 'postgres';
import { insertContacts, lockContacts, type StoredContact } from '../db/rows/contacts.ts';
import { lockConversations, type StoredConversation } from '../db/rows/conversations.ts';
import { eventsOf, knownMessages, messageKey } from '../db/rows/events.ts';
import { BOUNDS } from '../domain/bounds.ts';
import type { Command } from '../domain/conversation/activity.ts';
import { isOpen } from '../domain/conversation/conversation.ts';
import type { Event } from '../domain/conversation/event.ts';
import type { IdentifierHash } from '../engine.ts';
import { freeSlots } from './agent-capacity.ts';
import { type Erased, loadErased } from './load-erased.ts';
import type { Item, Resolved } from './resolve-targets.ts';

/** An item whose contact was found. */
export type FoundItem = Extract<Item, { contactId: string }>;

/** Everything that a call is decided from, locked: contacts, their newest and their named conversations, and earlier messages. */
export type WorkingSet = {
  contacts: Map<string, StoredContact>;
  conversations: Map<string, StoredConversation>;
  /** The conversation of each message that was recorded before, by `messageKey`. Grows while the call is decided. */
  messages: Map<string, string>;
  /** The stored events of each conversation that a late activity, or a failed message, belongs to. */
  events: Map<string, Event[]>;
  freeSlots: Map<string, number>;
  erased: Erased;
};

/** Another call created one of the call's new contacts, or erased a known one. Resolve the targets again. */
export class ContactRaceError extends Error {}

/** Whether a command reports a failed message. Its effect depends on the messages before it (LL-8). */
export function isFailure({ action }: Command): boolean {
  return action.kind === 'RECEIPT' && action.state === 'FAILED';
}

/**
 * Locks the contacts by id and, in the next statement, their conversations. By then every batch and every call that held one of
 * them has committed, so the rows are read as it left them.
 */
export async function loadLocked(
  sql: TransactionSql,
  accountId: string,
  { items: all, newContacts }: Resolved,
  hash: IdentifierHash,
): Promise<WorkingSet> {
  const items = all.filter((item): item is FoundItem => 'contactId' in item);
  const contacts = await lockContactsOf(sql, accountId, items, newContacts);
  const ids = conversationsOf(items, contacts);
  const sent = messagesOf(items, contacts);
  const [rows, messages, erased] = await Promise.all([
    ids.length > 0 ? lockConversations(sql, accountId, ids) : [],
    sent.length > 0 ? knownMessages(sql, accountId, sent) : new Map<string, string>(),
    loadErased(sql, accountId, { items, contacts, newContacts }, hash),
  ]);
  const locked = { contacts, conversations: new Map(rows.map((row) => [row.id, row])), messages };
  const lateIds = [...new Set(items.flatMap((item) => recomputedBy(item, locked)))];
  const events = lateIds.length > 0 ? await eventsOf(sql, accountId, lateIds) : [];
  const agentIds = [...lastAgents(items, locked, events)];
  return {
    ...locked,
    events: Map.groupBy(events, (event) => event.conversationId),
    freeSlots: agentIds.length > 0 ? await freeSlots(sql, accountId, agentIds) : new Map(),
    erased,
  };
}

type Locked = Pick<WorkingSet, 'contacts' | 'conversations' | 'messages'>;

/** @throws ContactRaceError if a contact was created or erased meanwhile */
async function lockContactsOf(
  sql: TransactionSql,
  accountId: string,
  items: readonly FoundItem[],
  newContacts: Resolved['newContacts'],
): Promise<Map<string, StoredContact>> {
  const ids = [...new Set(items.map((item) => item.contactId))];
  const [, locked] = await Promise.all([
    newContacts.length > 0 ? insertContacts(sql, accountId, newContacts) : null,
    lockContacts(sql, accountId, ids),
  ]);
  if (locked.length < ids.length) throw new ContactRaceError('another call created a contact of this call');
  const contacts = new Map(locked.map((contact) => [contact.id, contact]));
  for (const { contactId, conversationId } of items)
    if (conversationId === null && contacts.get(contactId)?.isErased)
      throw new ContactRaceError(`contact ${contactId} was erased`);
  return contacts;
}

/** The ids of the conversations that the items name, and of their contacts' newest ones. */
function conversationsOf(items: readonly FoundItem[], contacts: Locked['contacts']): string[] {
  const ids = items.flatMap(({ contactId, conversationId }) => [
    contacts.get(contactId)?.latestConversationId ?? null,
    conversationId,
  ]);
  return [...new Set(ids)].filter((id) => id !== null);
}

function messagesOf(
  items: readonly FoundItem[],
  contacts: Locked['contacts'],
): { channelId: string; messageId: string }[] {
  return items.flatMap(({ contactId, command: { messageId } }) => {
    const contact = contacts.get(contactId);
    return contact && messageId !== null ? [{ channelId: contact.channelId, messageId }] : [];
  });
}

/** The newest conversation of an item's contact; undefined if it has none, or if the item is a duplicate. */
function latestOf({ contactId, command: { messageId } }: FoundItem, locked: Locked) {
  const contact = locked.contacts.get(contactId);
  if (!contact?.latestConversationId) return undefined;
  const isDuplicate = messageId !== null && locked.messages.has(messageKey(contact.channelId, messageId));
  return isDuplicate ? undefined : locked.conversations.get(contact.latestConversationId);
}

/** The ids of the conversations that a late activity, or a failed message, recomputes. */
function recomputedBy(item: FoundItem, locked: Locked): string[] {
  const latest = latestOf(item, locked);
  if (!latest) return [];
  const { command, conversationId } = item;
  const ids = [
    ...(command.at < latest.newestAt ? [latest.id] : []),
    ...(isFailure(command) ? [conversationId ?? latest.id] : []),
  ];
  return ids.filter((id) => (locked.conversations.get(id)?.revision ?? 0) <= BOUNDS.foldedEvents.max);
}

/** The agents to whom a conversation may be reopened (SP-7): the last ones of ended conversations, and of those that end in this call. */
function lastAgents(items: readonly FoundItem[], locked: Locked, events: readonly Event[]): Set<string> {
  const agents = new Set<string>();
  const ending = new Set(
    items.filter(({ command }) => command.action.kind === 'END').map(({ contactId }) => contactId),
  );
  for (const item of items) {
    const { action } = item.command;
    const isEnding = ending.has(item.contactId);
    if (isEnding && 'agentId' in action && action.agentId) agents.add(action.agentId);
    const latest = latestOf(item, locked);
    if (latest?.agentId && action.kind === 'INBOUND' && (isEnding || !isOpen(latest)))
      agents.add(latest.agentId);
  }
  // Recomputing a conversation may assign an agent that only its events name.
  for (const { conversationId, agentId } of events)
    if (agentId !== null && ending.has(locked.conversations.get(conversationId)?.contactId ?? ''))
      agents.add(agentId);
  return agents;
}
