import type { StoredContact } from '../db/rows/contacts.ts';
import type { StoredConversation } from '../db/rows/conversations.ts';
import { messageKey } from '../db/rows/events.ts';
import { isConflict } from '../db/sqlstate.ts';
import { outboxOf } from '../domain/closing/owed-effects.ts';
import { factsOf, isOpen, type LaneFacts } from '../domain/conversation/conversation.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { lanesToLower } from '../domain/time/lanes-to-lower.ts';
import type { ActivityResult, Causing, EngineDeps } from '../engine.ts';
import { type Decisions, decideInPieces } from './decide-call.ts';
import { nothingErased } from './load-erased.ts';
import { isFailure, type WorkingSet } from './load-locked.ts';
import type { Resolved } from './resolve-targets.ts';
import { type Rewrite, updateIfUnchanged } from './write-optimistic-statement.ts';

/**
 * A call whose read is older, or whose write begins later, takes the locked path instead. With the 10 s that a statement may
 * take, the write has then committed within 15 s, which settling a lane relies on.
 */
const MAX_READ_AGE_MS = 2_000;
const WRITE_WITHIN_MS = 3_000;

/**
 * The fast path for most calls, messages on open conversations: decides on what was read without a lock, and writes in one
 * statement that has an effect only if no conversation has changed since (ADR 13). Null, with nothing written, if the
 * call needs more than that or a conversation has changed.
 */
export async function writeOptimistic(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'lanes'>,
  resolved: Resolved,
  { now, lockWaitMs }: { now: Date; lockWaitMs: number },
): Promise<Causing<ActivityResult[]> | null> {
  const { rules, items } = resolved;
  const { accountId } = rules;
  const { clock, newId } = deps;
  const set = workingSetOf(resolved);
  if (set === null) return null;
  const decisions = await decideInPieces(clock, { set, items, rules, newId, time: { kind: 'REAL', now } });
  if (decisions.contacts.size > 0 || decisions.consents.length > 0) return null;
  if (outboxOf(decisions.events, rules, newId).length > 0) return null;
  if (decisions.changed.size === 0) return { result: decisions.results, caused: {} };
  const rewrites = rewritesOf(deps, set, decisions, { rules, now });
  if (rewrites === null) return null;
  if (clock.now().getTime() - now.getTime() > MAX_READ_AGE_MS) return null;
  const beginBy = new Date(resolved.readAt.getTime() + WRITE_WITHIN_MS);
  const { events } = decisions;
  if (!(await isUpdated(deps.db.sql, accountId, { rewrites, events, beginBy, lockWaitMs }))) return null;
  const changed = { accountId, conversationIds: [...decisions.changed.keys()] };
  return { result: decisions.results, caused: { changed } };
}

/** The conversations before and after, if each stays open, its lane is cached and no lane has to be lowered; else null. */
function rewritesOf(
  { lanes }: Pick<EngineDeps, 'lanes'>,
  set: WorkingSet,
  decisions: Decisions,
  { rules, now }: { rules: AccountRules; now: Date },
): Rewrite[] | null {
  const facts = new Map<string, LaneFacts>();
  const rewrites: Rewrite[] = [];
  for (const conversation of decisions.changed.values()) {
    const before = set.conversations.get(conversation.id);
    const own = factsOf(conversation, rules.exemptTags);
    const laneId = own && lanes.known(rules.accountId, own);
    if (!before || !own || !laneId) return null;
    facts.set(conversation.id, own);
    rewrites.push({ before, after: { ...conversation, laneId } });
  }
  const rows = rewrites.map(({ after }) => after);
  return lanesToLower(rows, set.conversations, facts, { rules, now }).length > 0 ? null : rewrites;
}

/** False if another call recorded the same message, or holds a lock that this one waits for in turn. */
async function isUpdated(...given: Parameters<typeof updateIfUnchanged>): Promise<boolean> {
  try {
    return await updateIfUnchanged(...given);
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** The working set, if what was read suffices: every contact is known and has an open conversation, and no activity is late. */
function workingSetOf({ items, found }: Resolved): WorkingSet | null {
  const contacts = new Map<string, StoredContact>();
  const conversations = new Map<string, StoredConversation>();
  const messages = new Map<string, string>();
  for (const item of items) {
    if ('refused' in item) continue;
    const { contact, latest, seenOn } = found[item.index] ?? {};
    if (!contact || contact.isErased || !latest || !isOpen(latest) || latest.laneId === null) return null;
    // A former contact of this address was erased, so an older message may belong to that one.
    if (contact.erasedBefore !== null && !seenOn) return null;
    const { conversationId, command } = item;
    if (conversationId !== null && conversationId !== latest.id) return null;
    contacts.set(contact.id, contact);
    conversations.set(latest.id, latest);
    if (seenOn && command.messageId !== null)
      messages.set(messageKey(contact.channelId, command.messageId), seenOn);
    // These depend on the conversation's events, or on other conversations of its agent.
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
