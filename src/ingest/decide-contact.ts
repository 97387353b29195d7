import type { StoredContact } from '../db/rows/contacts.ts';
import { messageKey } from '../db/rows/events.ts';
import type { Command } from '../domain/conversation/activity.ts';
import { type Conversation, isOpen } from '../domain/conversation/conversation.ts';
import { decide } from '../domain/conversation/decide.ts';
import type { Event } from '../domain/conversation/event.ts';
import { advance } from '../domain/conversation/fire-timer.ts';
import { historyIn } from '../domain/conversation/history.ts';
import { keywordIn } from '../domain/conversation/keyword.ts';
import {
  type ContactState,
  type DecideContext,
  type Outcome,
  withinBounds,
} from '../domain/conversation/outcome.ts';
import { settingsFor } from '../domain/policy/account-rules.ts';
import type { ActivityResult } from '../engine.ts';
import type { Deciding, Decisions } from './decide-call.ts';
import { erasedNow, namingNobody, outcomeOfErased } from './erased-activity.ts';
import type { Histories } from './histories.ts';
import { type FoundItem, isFailure } from './load-locked.ts';

/** A call while it is decided; `decisions` grows. */
export type CallState = Deciding & { decisions: Decisions; histories: Histories };

/** A contact while its commands are decided: what is known of it after those decided so far. */
type ContactProgress = Pick<StoredContact, 'clientVersion' | 'locale' | 'consent' | 'consentAt'> & {
  contact: StoredContact;
  /** The last erasure of the contact's address, if the contact is new. */
  erasure: { hash: string; erasedAt: Date } | null;
  erasedBefore: Date | null;
  latestId: string | null;
  applied: number;
};

/** Decides the commands of one contact, in the order given, and pauses after each. */
export function* decideContact(
  call: CallState,
  contact: StoredContact,
  items: readonly FoundItem[],
): Generator<void, void> {
  const { set, time, decisions } = call;
  const erasure = set.erased.addresses.get(contact.id) ?? null;
  const { consent, consentAt } = erasure ?? contact;
  const { clientVersion, locale, latestConversationId: latestId } = contact;
  const erasedBefore = erasure?.erasedAt ?? contact.erasedBefore;
  const progress: ContactProgress = {
    ...{ contact, erasure, erasedBefore, latestId, applied: 0 },
    ...{ clientVersion, locale, consent, consentAt },
  };
  for (const item of items) {
    const command = withKeyword(call, progress, item.command);
    if (isAnsweredWithoutDeciding(call, progress, item, command)) continue;
    decideCommand(call, progress, item, command);
    yield;
  }
  // If every command was a duplicate, no time passes either: the lanes have these conversations by now.
  if (time.kind === 'VIRTUAL' && progress.applied > 0) letTimeRun(call, progress, time.until);
  // A new contact without an applied command is not created.
  if (erasure !== null && progress.applied === 0) return;
  const after: StoredContact = {
    ...contact,
    ...{ clientVersion: progress.clientVersion, locale: progress.locale },
    ...{ consent: progress.consent, consentAt: progress.consentAt },
    ...{ latestConversationId: progress.latestId, erasedBefore },
  };
  if ((Object.keys(after) as (keyof StoredContact)[]).some((field) => after[field] !== contact[field]))
    decisions.contacts.set(contact.id, after);
}

/** Answers a duplicate, and an activity of a customer who was erased. */
function isAnsweredWithoutDeciding(
  { set, decisions }: CallState,
  progress: ContactProgress,
  { index, conversationId }: FoundItem,
  command: Command,
): boolean {
  const { contact, erasure, erasedBefore } = progress;
  const seenOn =
    command.messageId === null
      ? undefined
      : set.messages.get(messageKey(contact.channelId, command.messageId));
  if (seenOn !== undefined) {
    decisions.results[index] = answer('DUPLICATE', seenOn);
    return true;
  }
  const dropped = outcomeOfErased(set, contact, { command, conversationId }, erasedBefore);
  if (dropped === null) return false;
  decisions.results[index] = answer(dropped, null);
  // A late opt-out still counts.
  const isNewest = progress.consentAt === null || command.at >= progress.consentAt;
  if (consentIn(command.action) === 'OPTED_OUT' && isNewest) {
    progress.consent = 'OPTED_OUT';
    progress.consentAt = command.at;
    if (erasure !== null) decisions.optOuts.push({ hash: erasure.hash, at: command.at });
  }
  return true;
}

function decideCommand(call: CallState, progress: ContactProgress, item: FoundItem, command: Command): void {
  const { set, rules, newId, time, decisions } = call;
  const { contact, consent, consentAt } = progress;
  letTimeRun(call, progress, command.at);
  const latest = conversationIn(call, progress.latestId);
  const context: DecideContext = {
    rules,
    now: time.kind === 'REAL' ? time.now : command.at,
    newId,
    isAvailable: (agentId) => (set.freeSlots.get(agentId) ?? 0) > 0,
    history: [],
  };
  const state: ContactState = {
    accountId: rules.accountId,
    contactId: contact.id,
    channelId: contact.channelId,
    isErased: contact.isErased,
    consent: consent ?? 'UNKNOWN',
    consentAt,
    latest,
    named: conversationIn(call, item.conversationId),
  };
  const outcome = decideInPlace(state, command, context, call.histories);
  switch (outcome.kind) {
    case 'refused':
      decisions.results[item.index] = answer('REFUSED', null, outcome.error);
      return;
    case 'ignored':
      decisions.results[item.index] = answer('IGNORED', null);
      return;
    default:
      keepOutcome(call, progress, { item, command, outcome, context, latest });
  }
}

type Kept = {
  item: FoundItem;
  command: Command;
  outcome: Exclude<Outcome, { kind: 'refused' | 'ignored' }>;
  context: DecideContext;
  latest: Conversation | null;
};

/** Adds an applied command to the decisions and to what is known of its contact. */
function keepOutcome(
  { set, decisions, newId }: CallState,
  progress: ContactProgress,
  { item, command, outcome, context, latest }: Kept,
): void {
  const { contact } = progress;
  const { conversation, event, first } = outcome;
  for (const step of first ? [first, outcome] : [outcome]) {
    if (step.event.effect === 'STARTED') progress.latestId = step.conversation.id;
    decisions.changed.set(step.conversation.id, step.conversation);
    decisions.events.push(contact.isErased ? namingNobody(step.event) : step.event);
  }
  if (event.effect === 'REOPENED' && conversation.agentId !== null)
    set.freeSlots.set(conversation.agentId, (set.freeSlots.get(conversation.agentId) ?? 0) - 1);
  if (command.messageId !== null)
    set.messages.set(messageKey(contact.channelId, command.messageId), conversation.id);
  if (contact.isErased) decisions.erased.push(...erasedNow(set, contact.channelId, command, context.now));
  else keepClient(progress, command, latest);
  const consent = consentIn(command.action);
  if (consent !== null && (progress.consentAt === null || command.at >= progress.consentAt)) {
    progress.consent = consent;
    progress.consentAt = command.at;
  }
  if (consent !== null)
    decisions.consents.push({
      ...{ contactId: contact.id, id: newId(), consent, at: command.at, recordedAt: context.now },
      source: 'keyword' in item.command.action ? 'PROVIDER' : 'KEYWORD',
      conversationId: conversation.id,
    });
  decisions.results[item.index] = answer('APPLIED', conversation.id);
  progress.applied++;
}

/** Keeps the client's version and locale. A late activity only fills in what is not known yet. */
function keepClient(progress: ContactProgress, { action, at }: Command, latest: Conversation | null): void {
  if (action.kind !== 'INBOUND' && action.kind !== 'CLIENT') return;
  const isNewest = latest === null || at >= latest.newestAt;
  const { clientVersion, locale } = progress;
  progress.clientVersion =
    (isNewest ? action.clientVersion : clientVersion) ?? clientVersion ?? action.clientVersion ?? null;
  progress.locale = (isNewest ? action.locale : locale) ?? locale ?? action.locale ?? null;
}

function conversationIn({ set, decisions }: CallState, id: string | null): Conversation | null {
  return id === null ? null : (decisions.changed.get(id) ?? set.conversations.get(id) ?? null);
}

/** Lets the timers act that are due on the contact's open conversation up to an instant, where time is virtual. */
function letTimeRun(call: CallState, { latestId }: ContactProgress, until: Date): void {
  if (call.time.kind === 'REAL') return;
  const latest = conversationIn(call, latestId);
  if (!latest || !isOpen(latest)) return;
  const { conversation, events } = advance(latest, until, call.rules);
  if (events.length === 0) return;
  call.decisions.changed.set(latest.id, conversation);
  call.decisions.events.push(...events);
}

/** Reads a keyword from the text of a customer's message (PE-12). The text itself is dropped here. */
function withKeyword(
  call: CallState,
  { contact, consent, latestId }: ContactProgress,
  command: Command,
): Command {
  if (command.action.kind !== 'INBOUND' || command.action.text === undefined) return command;
  const { text, ...action } = command.action;
  const latest = conversationIn(call, latestId);
  const skillId = latest && isOpen(latest) ? latest.skillId : (action.skillId ?? null);
  const { channel, policy } = settingsFor(call.rules, contact.channelId, skillId);
  const keyword = action.keyword ?? keywordIn(text, channel.rules, consent ?? 'UNKNOWN', policy.optOutWords);
  return { ...command, action: keyword === null ? action : { ...action, keyword } };
}

/** The consent that a message states; null if it states none. */
function consentIn(action: Command['action']): StoredContact['consent'] {
  if (action.kind !== 'INBOUND') return null;
  return action.keyword === 'OPT_OUT' ? 'OPTED_OUT' : action.keyword === 'OPT_IN' ? 'OPTED_IN' : null;
}

/** Inserts a late activity at its place in the history if the events allow it; else decides it as it arrives. */
function decideInPlace(
  state: ContactState,
  asked: Command,
  context: DecideContext,
  histories: Histories,
): Outcome {
  const { latest } = state;
  const subject = state.named ?? latest;
  const history = subject !== null && isFailure(asked) ? histories.of(subject.id) : [];
  const command = notBeforeItsMessage(asked, history);
  const isLate = latest !== null && isOpen(latest) && command.at < latest.newestAt;
  if (isLate && (state.named === null || state.named.id === latest.id)) {
    const whole = { ...context, history: histories.of(latest.id) };
    const inserted = histories.lateActivities.insert(state, command, whole);
    if (inserted !== null) return inserted;
  }
  return withinBounds(subject, decide(state, command, { ...context, history }));
}

/** A receipt cannot precede its message; it may seem to on a channel whose instants are whole seconds (LL-8). */
function notBeforeItsMessage(command: Command, history: readonly Event[]): Command {
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
