import type { Clock } from '../clock.ts';
import type { NewConsentChange } from '../db/rows/consents.ts';
import type { StoredContact } from '../db/rows/contacts.ts';
import type { ErasedIdentifier } from '../db/rows/erased-identifiers.ts';
import type { Conversation } from '../domain/conversation/conversation.ts';
import type { Event } from '../domain/conversation/event.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { ActivityResult } from '../engine.ts';
import { decideContact } from './decide-contact.ts';
import { openHistories } from './histories.ts';
import type { FoundItem, WorkingSet } from './load-locked.ts';
import type { Item } from './resolve-targets.ts';

/** What a call writes, and its results. */
export type Decisions = {
  results: ActivityResult[];
  /** The new states of conversations, by id. */
  changed: Map<string, Conversation>;
  events: Event[];
  contacts: Map<string, StoredContact>;
  /** Opt-outs and opt-ins of customers (PE-12). */
  consents: NewConsentChange[];
  /** Hashes of the message ids of erased contacts; the ids themselves are not kept (PE-15). */
  erased: ErasedIdentifier[];
  /** Opt-outs that were sent before their contact was erased and arrived afterwards. */
  optOuts: { hash: string; at: Date }[];
};

/**
 * The time at which a call is decided. REAL: all of it acts now. VIRTUAL: each command acts at its own instant, and timers that
 * are due before it act first; after the last command, timers due up to `until` act.
 */
export type Time = { kind: 'REAL'; now: Date } | { kind: 'VIRTUAL'; until: Date };

/** What a call is decided from. */
export type Deciding = {
  set: WorkingSet;
  items: readonly Item[];
  rules: AccountRules;
  newId: () => string;
  time: Time;
};

/** After deciding for this long, a call yields to the event loop. */
const YIELD_AFTER_MS = 25;

/**
 * Decides a call in memory: the commands of each contact in the order of their instants, then in the call's order. A long call
 * yields to the event loop in between; its locks stay.
 */
export async function decideInPieces(clock: Pick<Clock, 'now'>, deciding: Deciding): Promise<Decisions> {
  const steps = decideStepwise(deciding);
  let began = clock.now().getTime();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (clock.now().getTime() - began < YIELD_AFTER_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = clock.now().getTime();
  }
}

/** Decides a call, and pauses after each command. */
export function* decideStepwise(deciding: Deciding): Generator<void, Decisions> {
  const { set, items } = deciding;
  const decisions: Decisions = {
    results: items.map((item) => ({
      outcome: 'REFUSED',
      conversationId: null,
      error: 'refused' in item ? item.refused : null,
    })),
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
    yield* decideContact({ ...deciding, decisions, histories }, contact, inOrder);
  }
  return decisions;
}
