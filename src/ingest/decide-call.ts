import type { Clock } from '../clock.ts';
import type { NewConsentChange } from '../db/rows/consents.ts';
import type { StoredContact } from '../db/rows/contacts.ts';
import type { ErasedIdentifier } from '../db/rows/erased-identifiers.ts';
import { messageKey } from '../db/rows/events.ts';
import type { Command } from '../domain/conversation/activity.ts';
import { type Conversation, isOpen } from '../domain/conversation/conversation.ts';
import { decide } from '../domain/conversation/decide.ts';
import type { Event } from '../domain/conversation/event.ts';
import { advance } from '../domain/conversation/fire-timer.ts';
import { historyIn } from '../domain/conversation/history.ts';
import { openPasts, type Past } from '../domain/conversation/insert-late-activity.ts';
import { keywordIn } from '../domain/conversation/keyword.ts';
import {
  type ContactState,
  type DecideContext,
  type Outcome,
  withinBounds,
} from '../domain/conversation/outcome.ts';
import { type AccountRules, settingsFor } from '../domain/policy/account-rules.ts';
import type { ActivityResult } from '../engine.ts';
import { asErased, erasedNow, namingNobody } from './erased-activity.ts';
import { type FoundItem, isFailure, type WorkingSet } from './load-locked.ts';
import type { Item } from './resolve-targets.ts';

/** What a call is to write, and what it answers. */
export type Decisions = {
  results: ActivityResult[];
  /** Conversations as they are to be, by id. */
  changed: Map<string, Conversation>;
  events: Event[];
  contacts: Map<string, StoredContact>;
  /** What customers have said about being written to (PE-12). */
  consents: NewConsentChange[];
  /** Hashes of message ids that came in of erased contacts, of which the ids themselves are not kept (PE-15). */
  erased: ErasedIdentifier[];
  /** Who opted out before they were erased, as turned out afterwards. */
  optOuts: { hash: string; at: Date }[];
};

/** How time stands while a call is decided. VIRTUAL: each command acts at its own instant, and timers due before it act first. */
export type Time = { kind: 'REAL'; now: Date } | { kind: 'VIRTUAL'; until: Date };

/** What a call is decided from: what is locked, the call's commands, the rules, ids for what is new, and the time. */
type Deciding = [
  set: WorkingSet,
  items: readonly Item[],
  rules: AccountRules,
  newId: () => string,
  time: Time,
];

/** Decides a call's commands in memory: each contact's in order of time, those of one instant in the call's order. */
export function decideAll(...asked: Deciding): Decisions {
  const deciding = decideOneByOne(...asked);
  for (;;) {
    const next = deciding.next();
    if (next.done) return next.value;
  }
}

/** For how long a call is decided at a time, before others have their turn. */
const PIECE_MS = 25;

/** The same, in pieces: a long call leaves the process to others in between. What is locked stays so. */
export async function decideInPieces(clock: Pick<Clock, 'now'>, ...asked: Deciding): Promise<Decisions> {
  const deciding = decideOneByOne(...asked);
  let began = clock.now().getTime();
  for (;;) {
    const next = deciding.next();
    if (next.done) return next.value;
    if (clock.now().getTime() - began < PIECE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = clock.now().getTime();
  }
}

/** Decides a call, pausing after each of its commands. */
function* decideOneByOne(
  set: WorkingSet,
  items: readonly Item[],
  rules: AccountRules,
  newId: () => string,
  time: Time,
): Generator<void, Decisions> {
  const decisions: Decisions = {
    results: items.map((item) => answer('REFUSED', null, 'refused' in item ? item.refused : null)),
    changed: new Map(),
    events: [],
    contacts: new Map(),
    consents: [],
    erased: [],
    optOuts: [],
  };
  const histories = openHistories(set, decisions);
  const found = items.filter((item): item is FoundItem => 'contactId' in item);
  for (const [contactId, own] of Map.groupBy(found, (item) => item.contactId)) {
    const contact = set.contacts.get(contactId);
    if (!contact) throw new Error(`contact ${contactId} was not locked`);
    const inOrder = [...own].sort(
      (a, b) => a.command.at.getTime() - b.command.at.getTime() || a.index - b.index,
    );
    yield* decideContact(set, contact, inOrder, decisions, rules, newId, time, histories);
  }
  return decisions;
}

/** What has happened to the call's conversations, what it has decided so far among it. */
type Histories = {
  pasts: Past;
  /** The same list each time, which grows. */
  of(conversationId: string): readonly Event[];
};

function openHistories(set: Pick<WorkingSet, 'events'>, decisions: Pick<Decisions, 'events'>): Histories {
  const lists = new Map<string, Event[]>();
  let taken = 0;
  const listOf = (id: string) => {
    const list = lists.get(id) ?? [...(set.events.get(id) ?? [])];
    lists.set(id, list);
    return list;
  };
  return {
    pasts: openPasts(),
    of(conversationId) {
      for (; taken < decisions.events.length; taken++) {
        const event = decisions.events[taken] as Event;
        listOf(event.conversationId).push(event);
      }
      return listOf(conversationId);
    },
  };
}

function* decideContact(
  set: WorkingSet,
  contact: StoredContact,
  items: readonly FoundItem[],
  decisions: Decisions,
  rules: AccountRules,
  newId: () => string,
  time: Time,
  histories: Histories,
): Generator<void, void> {
  const at = (id: string | null) =>
    id === null ? null : (decisions.changed.get(id) ?? set.conversations.get(id) ?? null);
  let latestId = contact.latestConversationId;
  const atAddress = set.erased.addresses.get(contact.id) ?? null;
  const erasedBefore = atAddress?.erasedAt ?? contact.erasedBefore;
  let { clientVersion, locale } = contact;
  let { consent, consentAt } = atAddress ?? contact;
  let applied = 0;

  const letTimeRun = (until: Date) => {
    const latest = at(latestId);
    if (time.kind === 'REAL' || !latest || !isOpen(latest)) return;
    const advanced = advance(latest, until, rules);
    if (advanced.events.length === 0) return;
    decisions.changed.set(latest.id, advanced.conversation);
    decisions.events.push(...advanced.events);
  };

  for (const { index, conversationId, command: asked } of items) {
    const command = withKeyword(asked, contact.channelId, consent, at(latestId), rules);
    const seenOn =
      command.messageId === null
        ? undefined
        : set.messages.get(messageKey(contact.channelId, command.messageId));
    if (seenOn !== undefined) {
      decisions.results[index] = answer('DUPLICATE', seenOn);
      continue;
    }
    const dropped = asErased(set, contact, { command, conversationId }, erasedBefore);
    if (dropped !== null) {
      decisions.results[index] = answer(dropped, null);
      // A late STOP is a STOP.
      if (consentIn(command.action) !== 'OPTED_OUT' || (consentAt !== null && command.at < consentAt))
        continue;
      [consent, consentAt] = ['OPTED_OUT', command.at];
      if (atAddress !== null) decisions.optOuts.push({ hash: atAddress.hash, at: command.at });
      continue;
    }
    letTimeRun(command.at);
    const context: DecideContext = {
      rules,
      now: time.kind === 'REAL' ? time.now : command.at,
      newId,
      isAvailable: (agentId) => (set.freeSlots.get(agentId) ?? 0) > 0,
      history: [],
    };
    const latest = at(latestId);
    const state: ContactState = {
      accountId: rules.accountId,
      contactId: contact.id,
      channelId: contact.channelId,
      isErased: contact.isErased,
      consent: consent ?? 'UNKNOWN',
      consentAt,
      latest,
      named: at(conversationId),
    };
    const outcome = decideInPlace(state, command, context, histories);
    yield;
    if (outcome.kind === 'refused') decisions.results[index] = answer('REFUSED', null, outcome.error);
    else if (outcome.kind === 'ignored') decisions.results[index] = answer('IGNORED', null);
    else {
      const { conversation, event, first } = outcome;
      for (const step of first ? [first, outcome] : [outcome]) {
        if (step.event.effect === 'STARTED') latestId = step.conversation.id;
        decisions.changed.set(step.conversation.id, step.conversation);
        decisions.events.push(contact.isErased ? namingNobody(step.event) : step.event);
      }
      if (event.effect === 'REOPENED' && conversation.agentId !== null)
        set.freeSlots.set(conversation.agentId, (set.freeSlots.get(conversation.agentId) ?? 0) - 1);
      if (command.messageId !== null)
        set.messages.set(messageKey(contact.channelId, command.messageId), conversation.id);
      if (contact.isErased) decisions.erased.push(...erasedNow(set, contact.channelId, command, context.now));
      const { action } = command;
      if (!contact.isErased && (action.kind === 'INBOUND' || action.kind === 'CLIENT')) {
        // What a client told of itself before is not what it is now; but better than nothing.
        const isNewest = latest === null || command.at >= latest.newestAt;
        clientVersion =
          (isNewest ? action.clientVersion : clientVersion) ?? clientVersion ?? action.clientVersion ?? null;
        locale = (isNewest ? action.locale : locale) ?? locale ?? action.locale ?? null;
      }
      const said = consentIn(action);
      if (said !== null && (consentAt === null || command.at >= consentAt)) {
        consent = said;
        consentAt = command.at;
      }
      if (said !== null)
        decisions.consents.push({
          ...{ contactId: contact.id, id: newId(), consent: said, at: command.at, recordedAt: context.now },
          ...{ source: 'keyword' in asked.action ? 'PROVIDER' : 'KEYWORD', conversationId: conversation.id },
        });
      decisions.results[index] = answer('APPLIED', conversation.id);
      applied++;
    }
  }
  // Playing again what was played before lets no time run: by now the lanes have these conversations.
  if (time.kind === 'VIRTUAL' && applied > 0) letTimeRun(time.until);
  // A new contact that all came to nothing for is not made.
  if (atAddress !== null && applied === 0) return;
  const said = { clientVersion, locale, consent, consentAt };
  const after = { ...contact, ...said, latestConversationId: latestId, erasedBefore };
  if ((Object.keys(after) as (keyof StoredContact)[]).some((field) => after[field] !== contact[field]))
    decisions.contacts.set(contact.id, after);
}

/** Reads what a customer wrote for a keyword (PE-12); the text itself goes no further. */
function withKeyword(
  command: Command,
  channelId: string,
  consent: StoredContact['consent'],
  latest: Conversation | null,
  rules: AccountRules,
): Command {
  if (command.action.kind !== 'INBOUND' || command.action.text === undefined) return command;
  const { text, ...action } = command.action;
  const skillId = latest && isOpen(latest) ? latest.skillId : (action.skillId ?? null);
  const { channel, policy } = settingsFor(rules, channelId, skillId);
  const keyword = action.keyword ?? keywordIn(text, channel.rules, consent ?? 'UNKNOWN', policy.optOutWords);
  return { ...command, action: keyword === null ? action : { ...action, keyword } };
}

/** What a message says about being written to: opting out and back in; null: nothing. */
function consentIn(action: Command['action']): StoredContact['consent'] {
  if (action.kind !== 'INBOUND') return null;
  return action.keyword === 'OPT_OUT' ? 'OPTED_OUT' : action.keyword === 'OPT_IN' ? 'OPTED_IN' : null;
}

/** A late activity is folded in at its place where its conversation's events allow it; else it is decided as it comes. */
function decideInPlace(
  state: ContactState,
  asked: Command,
  context: DecideContext,
  histories: Histories,
): Outcome {
  const { latest } = state;
  const subject = state.named ?? latest;
  const history = subject !== null && isFailure(asked) ? histories.of(subject.id) : [];
  const command = afterItsMessage(asked, history);
  const isLate = latest !== null && isOpen(latest) && command.at < latest.newestAt;
  if (isLate && (state.named === null || state.named.id === latest.id)) {
    const folded = histories.pasts.take(state, latest, histories.of(latest.id), command, context);
    if (folded !== null) return folded;
  }
  return withinBounds(subject, decide(state, command, { ...context, history }));
}

/** No message fails before it was sent: where a channel tells the time in whole seconds, it may seem so (LL-8). */
function afterItsMessage(command: Command, history: readonly Event[]): Command {
  const { action } = command;
  const sent = action.kind === 'RECEIPT' ? historyIn(history).recorded.get(action.of) : undefined;
  return sent && sent.at > command.at ? { ...command, at: sent.at } : command;
}

function answer(
  outcome: ActivityResult['outcome'],
  conversationId: string | null,
  error: ActivityResult['error'] = null,
): ActivityResult {
  return { outcome, conversationId, error };
}
