import type { StoredContact } from '../db/contacts.ts';
import { messageKey } from '../db/events.ts';
import type { Command } from '../domain/activity.ts';
import { type Conversation, isOpen } from '../domain/conversation.ts';
import { decide } from '../domain/decide.ts';
import type { Event } from '../domain/event.ts';
import { advance } from '../domain/fire.ts';
import type { ContactState, DecideContext, Outcome } from '../domain/outcome.ts';
import { refold } from '../domain/refold.ts';
import type { AccountRules } from '../domain/rules.ts';
import type { ActivityResult } from './lifecycle.ts';
import type { Item } from './resolve.ts';
import type { FoundItem, WorkingSet } from './working-set.ts';

/** What a call is to write, and what it answers. */
export type Decisions = {
  results: ActivityResult[];
  /** Conversations as they are to be, by id. */
  changed: Map<string, Conversation>;
  events: Event[];
  contacts: Map<string, StoredContact>;
};

/** How time stands while a call is decided. VIRTUAL: each command acts at its own instant, and timers due before it act first. */
export type Time = { kind: 'REAL'; now: Date } | { kind: 'VIRTUAL'; until: Date };

/** Decides a call's commands in memory: each contact's in order of time, those of one instant in the call's order. */
export function decideAll(
  set: WorkingSet,
  items: readonly Item[],
  rules: AccountRules,
  newId: () => string,
  time: Time,
): Decisions {
  const decisions: Decisions = {
    results: items.map((item) => answer('REFUSED', null, 'refused' in item ? item.refused : null)),
    changed: new Map(),
    events: [],
    contacts: new Map(),
  };
  const found = items.filter((item): item is FoundItem => 'contactId' in item);
  for (const [contactId, own] of Map.groupBy(found, (item) => item.contactId)) {
    const contact = set.contacts.get(contactId);
    if (!contact) throw new Error(`contact ${contactId} was not locked`);
    const inOrder = [...own].sort(
      (a, b) => a.command.at.getTime() - b.command.at.getTime() || a.index - b.index,
    );
    decideContact(set, contact, inOrder, decisions, rules, newId, time);
  }
  return decisions;
}

function decideContact(
  set: WorkingSet,
  contact: StoredContact,
  items: readonly FoundItem[],
  decisions: Decisions,
  rules: AccountRules,
  newId: () => string,
  time: Time,
): void {
  const at = (id: string | null) =>
    id === null ? null : (decisions.changed.get(id) ?? set.conversations.get(id) ?? null);
  let latestId = contact.latestConversationId;
  let clientVersion = contact.clientVersion;
  let applied = 0;

  const letTimeRun = (until: Date) => {
    const latest = at(latestId);
    if (time.kind === 'REAL' || !latest || !isOpen(latest)) return;
    const advanced = advance(latest, until, rules);
    if (advanced.events.length === 0) return;
    decisions.changed.set(latest.id, advanced.conversation);
    decisions.events.push(...advanced.events);
  };

  for (const { index, conversationId, command } of items) {
    const seenOn =
      command.messageId === null
        ? undefined
        : set.messages.get(messageKey(contact.channelId, command.messageId));
    if (seenOn !== undefined) {
      decisions.results[index] = answer('DUPLICATE', seenOn);
      continue;
    }
    letTimeRun(command.at);
    const context: DecideContext = {
      rules,
      now: time.kind === 'REAL' ? time.now : command.at,
      newId,
      isAvailable: (agentId) => (set.freeSlots.get(agentId) ?? 0) > 0,
    };
    const latest = at(latestId);
    const state: ContactState = {
      accountId: rules.accountId,
      contactId: contact.id,
      channelId: contact.channelId,
      isErased: contact.isErased,
      latest,
      named: at(conversationId),
    };
    const outcome = decideInPlace(set, state, command, context, decisions);
    if (outcome.kind === 'refused') decisions.results[index] = answer('REFUSED', null, outcome.error);
    else if (outcome.kind === 'ignored') decisions.results[index] = answer('IGNORED', null);
    else {
      const { conversation, event } = outcome;
      if (event.effect === 'STARTED') latestId = conversation.id;
      if (event.effect === 'REOPENED' && conversation.agentId !== null)
        set.freeSlots.set(conversation.agentId, (set.freeSlots.get(conversation.agentId) ?? 0) - 1);
      if (command.messageId !== null)
        set.messages.set(messageKey(contact.channelId, command.messageId), conversation.id);
      if ('clientVersion' in command.action && command.action.clientVersion !== undefined)
        clientVersion = command.action.clientVersion;
      decisions.changed.set(conversation.id, conversation);
      decisions.events.push(event);
      decisions.results[index] = answer('APPLIED', conversation.id);
      applied++;
    }
  }
  // Playing again what was played before lets no time run: by now the lanes have these conversations.
  if (time.kind === 'VIRTUAL' && applied > 0) letTimeRun(time.until);
  if (latestId !== contact.latestConversationId || clientVersion !== contact.clientVersion)
    decisions.contacts.set(contact.id, { ...contact, latestConversationId: latestId, clientVersion });
}

/** A late activity is folded in at its place where its conversation's events allow it; else it is decided as it comes. */
function decideInPlace(
  set: WorkingSet,
  state: ContactState,
  command: Command,
  context: DecideContext,
  decisions: Decisions,
): Outcome {
  const { latest } = state;
  const isLate = latest !== null && isOpen(latest) && command.at < latest.newestAt;
  if (isLate && (state.named === null || state.named.id === latest.id)) {
    const own = decisions.events.filter((event) => event.conversationId === latest.id);
    const folded = refold(state, latest, [...(set.events.get(latest.id) ?? []), ...own], command, context);
    if (folded !== null) return folded;
  }
  return decide(state, command, context);
}

function answer(
  outcome: ActivityResult['outcome'],
  conversationId: string | null,
  error: ActivityResult['error'] = null,
): ActivityResult {
  return { outcome, conversationId, error };
}
