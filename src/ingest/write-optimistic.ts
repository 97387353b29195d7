import type { StoredContact } from '../db/rows/contacts.ts';
import type { StoredConversation } from '../db/rows/conversations.ts';
import { messageKey } from '../db/rows/events.ts';
import { isConflict } from '../db/sqlstate.ts';
import { outboxOf } from '../domain/closing/owed-effects.ts';
import { factsOf, isOpen, type LaneFacts } from '../domain/conversation/conversation.ts';
import type { ActivityResult, EngineDeps } from '../engine.ts';
import { decideInPieces } from './decide-call.ts';
import { nothingErased } from './load-erased.ts';
import { isFailure, type WorkingSet } from './load-locked.ts';
import type { Resolved } from './resolve-targets.ts';
import { lanesToLower } from './write-locked.ts';
import { type Rewrite, updateIfUnchanged } from './write-optimistic-statement.ts';

/**
 * What was read later than this, and what is written later than that, is done under a lock instead. With the 10 s that
 * a statement may take it has then committed within 15 s, which settlings count on.
 */
const READ_WITHIN_MS = 2_000;
const WRITE_WITHIN_MS = 3_000;

/**
 * The short way for what most calls are, messages on open conversations: decides on what was read without a lock, and
 * writes in one statement that holds only if nobody has changed the conversations meanwhile. Null where the call
 * needs more than that, or somebody has: nothing was written then.
 */
export async function writeOptimistic(
  { db, clock, newId, lanes, publish: tell }: EngineDeps,
  resolved: Resolved,
  now: Date,
  lockWaitMs: number,
): Promise<ActivityResult[] | null> {
  const { rules, items } = resolved;
  const { accountId } = rules;
  const set = workingSetOf(resolved);
  if (set === null) return null;
  const decisions = await decideInPieces(clock, set, items, rules, newId, { kind: 'REAL', now });
  const isMore = decisions.contacts.size > 0 || decisions.consents.length > 0;
  if (isMore || outboxOf(decisions.events, rules, newId).length > 0) return null;
  if (decisions.changed.size === 0) return decisions.results;

  const facts = new Map<string, LaneFacts>();
  const rewrites: Rewrite[] = [];
  for (const conversation of decisions.changed.values()) {
    const before = set.conversations.get(conversation.id);
    const own = factsOf(conversation, rules.exemptTags);
    const laneId = own && lanes.known(accountId, own);
    if (!before || !own || !laneId) return null;
    facts.set(conversation.id, own);
    rewrites.push({ before, after: { ...conversation, laneId } });
  }
  const rows = rewrites.map(({ after }) => after);
  if (lanesToLower(rows, set, facts, rules, now).length > 0) return null;

  if (clock.now().getTime() - now.getTime() > READ_WITHIN_MS) return null;
  const beginBy = new Date(resolved.readAt.getTime() + WRITE_WITHIN_MS);
  if (!(await isWritten(db.sql, accountId, rewrites, decisions.events, beginBy, lockWaitMs))) return null;
  tell({ accountId, conversationIds: [...decisions.changed.keys()] });
  return decisions.results;
}

async function isWritten(...written: Parameters<typeof updateIfUnchanged>): Promise<boolean> {
  try {
    return await updateIfUnchanged(...written);
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** What decisions need, if it is no more than was read: every contact known, with an open conversation, and nothing late. */
function workingSetOf({ items, found }: Resolved): WorkingSet | null {
  const contacts = new Map<string, StoredContact>();
  const conversations = new Map<string, StoredConversation>();
  const messages = new Map<string, string>();
  for (const item of items) {
    if ('refused' in item) continue;
    const { contact, latest, seenOn } = found[item.index] ?? {};
    if (!contact || contact.isErased || !latest || !isOpen(latest) || latest.laneId === null) return null;
    // Whoever had its address before may have been erased: then older messages are not its own.
    if (contact.erasedBefore !== null && !seenOn) return null;
    const { conversationId, command } = item;
    if (conversationId !== null && conversationId !== latest.id) return null;
    contacts.set(contact.id, contact);
    conversations.set(latest.id, latest);
    if (seenOn && command.messageId !== null)
      messages.set(messageKey(contact.channelId, command.messageId), seenOn);
    // These look at more than the conversation: its feed, or its agent's other conversations.
    else if (command.at < latest.newestAt || command.action.kind === 'END' || isFailure(command)) return null;
  }
  return {
    contacts,
    conversations,
    messages,
    events: new Map(),
    freeSlots: new Map(),
    erased: nothingErased(),
  };
}
