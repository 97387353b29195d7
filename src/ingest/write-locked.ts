import type { TransactionSql } from 'postgres';
import { insertConsents } from '../db/rows/consents.ts';
import { updateContacts } from '../db/rows/contacts.ts';
import {
  insertConversations,
  type StoredConversation,
  updateConversations,
} from '../db/rows/conversations.ts';
import { keepErased, keepOptOuts } from '../db/rows/erased-identifiers.ts';
import { insertEvents } from '../db/rows/events.ts';
import { type Alarm, lowerLanes } from '../db/rows/lanes.ts';
import { insertOutbox } from '../db/rows/outbox.ts';
import { outboxOf } from '../domain/closing/owed-effects.ts';
import { factsOf, type LaneFacts } from '../domain/conversation/conversation.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { lanesToLower } from '../domain/time/lanes-to-lower.ts';
import type { EngineDeps, FoundLanes } from '../engine.ts';
import type { Decisions } from './decide-call.ts';
import type { WorkingSet } from './load-locked.ts';

/** What to do once the transaction has committed. */
export type Written = { alarms: Alarm[]; owes: boolean; lanes: FoundLanes };

/** What to write. `isSilent`: no webhook and no message to a customer follows from it. */
type Writing = {
  set: WorkingSet;
  decisions: Decisions;
  rules: AccountRules;
  now: Date;
  isSilent: boolean;
};

/**
 * Writes decisions within the transaction that holds the locks: conversations, events, contacts, consents and effects, one
 * statement a table. Lanes whose `wake_at` must be lowered come last, in the order of their ids.
 */
export async function writeLocked(
  sql: TransactionSql,
  { lanes, newId }: Pick<EngineDeps, 'lanes' | 'newId'>,
  { set, decisions, rules, now, isSilent }: Writing,
): Promise<Written> {
  const { accountId } = rules;
  const facts = openFacts(decisions, rules);
  const found = await lanes.find(sql, accountId, facts.values(), now);
  const rows = [...decisions.changed.values()].map((conversation): StoredConversation => {
    const own = facts.get(conversation.id);
    return { ...conversation, laneId: own ? found.idOf(own) : null };
  });
  const started = rows.filter((row) => !set.conversations.has(row.id));
  const known = rows.filter((row) => set.conversations.has(row.id));
  const outbox = isSilent ? [] : outboxOf(decisions.events, rules, newId);
  const contacts = [...decisions.contacts.values()];
  const { events, consents, erased, optOuts } = decisions;
  await Promise.all([
    // Updates first: a contact's former conversation must have ended before its next one is inserted.
    known.length > 0 && updateConversations(sql, accountId, known),
    started.length > 0 && insertConversations(sql, accountId, started),
    events.length > 0 && insertEvents(sql, accountId, events),
    contacts.length > 0 && updateContacts(sql, accountId, contacts),
    consents.length > 0 && insertConsents(sql, accountId, consents),
    erased.length > 0 && keepErased(sql, accountId, erased),
    optOuts.length > 0 && keepOptOuts(sql, accountId, optOuts),
    outbox.length > 0 && insertOutbox(sql, accountId, outbox, now),
  ]);
  const lower = lanesToLower(rows, set.conversations, facts, { rules, now });
  const lowered = lower.length > 0 ? await lowerLanes(sql, accountId, lower) : [];
  return { alarms: [...found.alarms, ...lowered], owes: outbox.length > 0, lanes: found };
}

function openFacts({ changed }: Decisions, { exemptTags }: AccountRules): Map<string, LaneFacts> {
  const facts = new Map<string, LaneFacts>();
  for (const conversation of changed.values()) {
    const own = factsOf(conversation, exemptTags);
    if (own) facts.set(conversation.id, own);
  }
  return facts;
}
