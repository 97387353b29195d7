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

/** Everything a call's decisions need, locked: contacts, their newest and their named conversations, and what was seen before. */
export type WorkingSet = {
  contacts: Map<string, StoredContact>;
  conversations: Map<string, StoredConversation>;
  /** Messages seen before, by `messageKey`, with their conversation; grows as the call's own are decided. */
  messages: Map<string, string>;
  /** The stored events of conversations that a late activity, or a message that did not arrive, belongs to. */
  events: Map<string, Event[]>;
  freeSlots: Map<string, number>;
  erased: Erased;
};

/** Somebody else made one of the call's new contacts meanwhile, or erased a known one: resolve again. */
export class ContactRaceError extends Error {}

/** Whether it tells of a message that did not arrive: what that means depends on those before it (LL-8). */
export function isFailure({ action }: Command): boolean {
  return action.kind === 'RECEIPT' && action.state === 'FAILED';
}

/**
 * Locks contacts by id, then, in the next statement, their conversations: by then every batch and every call
 * that held one has committed, and its row is seen as it left it.
 */
export async function loadLocked(
  sql: TransactionSql,
  accountId: string,
  resolved: Resolved,
  hash: IdentifierHash,
): Promise<WorkingSet> {
  const items = resolved.items.filter((item): item is FoundItem => 'contactId' in item);
  const contactIds = [...new Set(items.map((item) => item.contactId))];
  const [, locked] = await Promise.all([
    resolved.newContacts.length ? insertContacts(sql, accountId, resolved.newContacts) : null,
    lockContacts(sql, accountId, contactIds),
  ]);
  if (locked.length < contactIds.length)
    throw new ContactRaceError('somebody else made a contact of the call');
  const contacts = new Map(locked.map((contact) => [contact.id, contact]));
  for (const { contactId, conversationId } of items)
    if (conversationId === null && contacts.get(contactId)?.isErased)
      throw new ContactRaceError(`contact ${contactId} was erased`);

  const ids = new Set<string>();
  const asked: { channelId: string; messageId: string }[] = [];
  for (const { contactId, conversationId, command } of items) {
    const contact = contacts.get(contactId);
    if (contact?.latestConversationId) ids.add(contact.latestConversationId);
    if (conversationId) ids.add(conversationId);
    if (contact && command.messageId !== null)
      asked.push({ channelId: contact.channelId, messageId: command.messageId });
  }
  const [rows, messages, erased] = await Promise.all([
    ids.size ? lockConversations(sql, accountId, [...ids]) : [],
    asked.length ? knownMessages(sql, accountId, asked) : new Map<string, string>(),
    loadErased(sql, accountId, { items, contacts, newContacts: resolved.newContacts }, hash),
  ]);
  const conversations = new Map(rows.map((row) => [row.id, row]));

  const late = new Set<string>();
  const lastAgents = new Set<string>();
  const ended = new Set(
    items.filter(({ command }) => command.action.kind === 'END').map(({ contactId }) => contactId),
  );
  for (const { contactId, conversationId, command } of items) {
    const contact = contacts.get(contactId);
    const latest = contact?.latestConversationId
      ? conversations.get(contact.latestConversationId)
      : undefined;
    const { action } = command;
    // Where it ends within this very call, whoever is named may be its last agent.
    if (ended.has(contactId) && 'agentId' in action && action.agentId) lastAgents.add(action.agentId);
    if (!contact || !latest) continue;
    if (command.messageId !== null && messages.has(messageKey(contact.channelId, command.messageId)))
      continue;
    const looksBack = [
      ...(command.at < latest.newestAt ? [latest.id] : []),
      ...(isFailure(command) ? [conversationId ?? latest.id] : []),
    ];
    for (const id of looksBack)
      if ((conversations.get(id)?.revision ?? 0) <= BOUNDS.foldedEvents.max) late.add(id);
    if (latest.agentId && action.kind === 'INBOUND' && (!isOpen(latest) || ended.has(contactId)))
      lastAgents.add(latest.agentId);
  }
  const stored = late.size ? await eventsOf(sql, accountId, [...late]) : [];
  // What is folded anew may give it an agent whom only its events name.
  for (const { conversationId, agentId } of stored)
    if (agentId !== null && ended.has(conversations.get(conversationId)?.contactId ?? ''))
      lastAgents.add(agentId);
  const slots = lastAgents.size
    ? await freeSlots(sql, accountId, [...lastAgents])
    : new Map<string, number>();
  return {
    contacts,
    conversations,
    messages,
    events: Map.groupBy(stored, (event) => event.conversationId),
    freeSlots: slots,
    erased,
  };
}
