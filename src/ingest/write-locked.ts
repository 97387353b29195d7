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
import { clocksOf, factsOf, type LaneFacts } from '../domain/conversation/conversation.ts';
import { type AccountRules, settingsFor } from '../domain/policy/account-rules.ts';
import { SWITCHES, type SwitchField } from '../domain/policy/policy.ts';
import type { LaneDirectory } from '../wake/lane-directory.ts';
import type { Decisions } from './decide-call.ts';
import type { WorkingSet } from './load-locked.ts';

/** A clock older than this, brought into a lane, is told to the lane; a settling allows for younger ones. */
const OLD_MS = 10_000;
const SWITCH_FIELDS = Object.keys(SWITCHES) as SwitchField[];

/** What has to happen after the commit. */
export type Written = { alarms: Alarm[]; owes: boolean; remember: () => void };

/**
 * Writes what was decided: conversations, feed, contacts, effects, all at once; and last, in the order of
 * ids, the lanes that a conversation entered with an old clock.
 */
export async function writeLocked(
  sql: TransactionSql,
  set: WorkingSet,
  decisions: Decisions,
  rules: AccountRules,
  lanes: LaneDirectory,
  newId: () => string,
  now: Date,
  effects: 'WITH_EFFECTS' | 'WITHOUT_EFFECTS',
): Promise<Written> {
  const { accountId } = rules;
  const changed = [...decisions.changed.values()];
  const facts = new Map<string, LaneFacts>();
  for (const conversation of changed) {
    const own = factsOf(conversation, rules.exemptTags);
    if (own) facts.set(conversation.id, own);
  }
  const found = await lanes.find(sql, accountId, facts.values(), now);
  const laneIdOf = (id: string) => {
    const own = facts.get(id);
    return own ? found.idOf(own) : null;
  };
  const rows = changed.map(
    (conversation): StoredConversation => ({ ...conversation, laneId: laneIdOf(conversation.id) }),
  );
  const born = rows.filter((row) => !set.conversations.has(row.id));
  const known = rows.filter((row) => set.conversations.has(row.id));
  const outbox = effects === 'WITH_EFFECTS' ? outboxOf(decisions.events, rules, newId) : [];
  const contacts = [...decisions.contacts.values()];

  await Promise.all([
    // Updates first: a contact's former conversation has to have ended before its next one is inserted.
    known.length ? updateConversations(sql, accountId, known) : null,
    born.length ? insertConversations(sql, accountId, born) : null,
    decisions.events.length ? insertEvents(sql, accountId, decisions.events) : null,
    contacts.length ? updateContacts(sql, accountId, contacts) : null,
    decisions.consents.length ? insertConsents(sql, accountId, decisions.consents) : null,
    decisions.erased.length ? keepErased(sql, accountId, decisions.erased) : null,
    decisions.optOuts.length ? keepOptOuts(sql, accountId, decisions.optOuts) : null,
    outbox.length ? insertOutbox(sql, accountId, outbox, now) : null,
  ]);

  const lower = lanesToLower(rows, set, facts, rules, now);
  const lowered = lower.length ? await lowerLanes(sql, accountId, lower) : [];
  return { alarms: [...found.alarms, ...lowered], owes: outbox.length > 0, remember: found.remember };
}

type Lowering = { laneId: string; wakeAt: Date; floor: Date };

/**
 * Which lanes got a conversation that is, for all they know, due sooner than they will look. Every
 * clock counts that a timer could run on, for the rules may be others by the time this commits.
 */
export function lanesToLower(
  rows: readonly StoredConversation[],
  set: Pick<WorkingSet, 'conversations'>,
  facts: ReadonlyMap<string, LaneFacts>,
  rules: AccountRules,
  now: Date,
): Lowering[] {
  const lowest = new Map<string, Lowering>();
  const lower = (laneId: string, wakeAt: Date, floor: Date) => {
    const sofar = lowest.get(laneId);
    lowest.set(laneId, {
      laneId,
      wakeAt: earlier(sofar?.wakeAt, wakeAt),
      floor: earlier(sofar?.floor, floor),
    });
  };
  const sincesOf = new Map<string, Date[]>();
  for (const row of rows) {
    const own = facts.get(row.id);
    if (!own || row.laneId === null) continue;
    const before = set.conversations.get(row.id);
    const entered = before?.laneId !== row.laneId;
    const sinces = sincesOf.get(row.laneId) ?? enabledSinces(rules, own);
    sincesOf.set(row.laneId, sinces);
    for (const name of clocksOf(own)) {
      const clock = row[name];
      if (clock === null) continue;
      if (!entered && !isSooner(before?.[name] ?? null, clock, sinces)) continue;
      // Everyone's clocks bound the floor; a hold's end lies ahead and is no clock to look back for.
      if (name === 'heldUntil') lower(row.laneId, clock, row.lastActivityAt);
      else if (now.getTime() - clock.getTime() > OLD_MS) lower(row.laneId, now, clock);
    }
  }
  return [...lowest.values()];
}

/**
 * Whether a clock that has moved within its lane may fall due sooner for it: it went back, or past an instant
 * at which a timer was enabled, before which it did not count (SP-6).
 */
function isSooner(was: Date | null, is: Date, sinces: readonly Date[]): boolean {
  if (was === null || is < was) return true;
  return sinces.some((since) => was < since && since <= is);
}

/** When the switches of a lane's policy last went on; those that always were on are left out. */
function enabledSinces(rules: AccountRules, { channelId, skillId, caseStatus }: LaneFacts): Date[] {
  const { enabledSince } = settingsFor(rules, channelId, skillId);
  return SWITCH_FIELDS.map((field) => enabledSince(field, caseStatus)).filter((since) => since !== null);
}

function earlier(a: Date | undefined, b: Date): Date {
  return a !== undefined && a < b ? a : b;
}
