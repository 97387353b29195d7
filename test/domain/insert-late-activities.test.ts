import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Consent } from '../../src/domain/closing/closing.ts';
import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import { type Conversation, isOpen } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import { type Event, endOf, eventOf } from '../../src/domain/conversation/event.ts';
import { advance } from '../../src/domain/conversation/fire-timer.ts';
import {
  MAX_REPLAYED_STEPS,
  openLateActivities,
} from '../../src/domain/conversation/insert-late-activity.ts';
import type { ContactState, DecideContext, Outcome } from '../../src/domain/conversation/outcome.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import { appliedTo, at, contactWith, rulesWith } from '../support/domain.ts';
import { type Note, playedInOrder } from '../support/late-activity-model.ts';

const NOON = at('12:00').getTime();
const minutes = (count: number) => new Date(NOON + count * 60_000);

const agents = fc.constantFrom('ann', 'bob');
const tags = fc.subarray(['vip', 'refund', 'spam']);
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Action>({ kind: 'INBOUND' }) },
  { weight: 4, arbitrary: agents.map((agentId): Action => ({ kind: 'OUTBOUND', sender: 'AGENT', agentId })) },
  fc.constantFrom<Action>(
    { kind: 'INBOUND', skillId: 'sales' },
    { kind: 'INBOUND', keyword: 'OPT_OUT' },
    { kind: 'OUTBOUND', sender: 'BOT' },
    { kind: 'COMMENT' },
    { kind: 'TO_QUEUE' },
    { kind: 'INACTIVATE' },
    { kind: 'HOLD', until: null },
    { kind: 'RELEASE' },
    { kind: 'END', by: 'AGENT' },
    { kind: 'END', by: 'AGENT' },
    { kind: 'REOPEN' },
    { kind: 'START', by: 'AGENT' },
    { kind: 'CASE_STATUS', caseStatus: 'open' },
    { kind: 'SKILL', skillId: 'care' },
    { kind: 'SKILL', skillId: null },
  ),
  agents.map((agentId): Action => ({ kind: 'ASSIGN', agentId })),
  fc.record({ kind: fc.constant('TAG' as const), add: tags, remove: tags }),
  {
    weight: 4,
    arbitrary: fc
      .integer({ min: 0, max: 9 })
      .map((number): Action => ({ kind: 'RECEIPT', of: `m${number}`, state: 'FAILED' })),
  },
);
const told = fc.record({
  action: actions,
  minute: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 6 })),
  consent: fc.constantFrom<Consent>('UNKNOWN', 'UNKNOWN', 'UNKNOWN', 'OPTED_OUT'),
  /** How long nothing is told, timers acting, before it. */
  quiet: fc.constantFrom<0 | 15>(0, 0, 0, 0, 15),
});
const rules = fc.record({
  inactivate: fc.boolean(),
  inactivateAfter: fc.constant('PT10M'),
  endInactiveAfter: fc.constant('PT20M'),
  reopenWithin: fc.constantFrom('PT0S', 'P1D'),
});

const SWITCHES = { inactivate: false, inactivateAfter: 'PT10M', endInactiveAfter: 'PT20M' } as const;
type Telling = { action: Action; minute: number; consent: Consent; quiet: 0 | 15 };
const tell = (minute: number, action: Action, quiet: 0 | 15 = 0): Telling => ({
  ...{ action, minute, quiet },
  consent: 'UNKNOWN',
});
/** A late end, over which the customer's next message reopens; who is taken to have been available changes after it. */
const REOPENED_BY_WHOM = [
  tell(0, { kind: 'INBOUND' }),
  tell(1, { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' }),
  tell(20, { kind: 'INBOUND' }),
  tell(40, { kind: 'COMMENT' }),
  tell(10, { kind: 'END', by: 'AGENT' }),
  tell(30, { kind: 'ASSIGN', agentId: 'bob' }),
  tell(35, { kind: 'TO_QUEUE' }, 15),
];

describe('late activities of one conversation, inserted one after another', () => {
  it('LL-2 lead to the same conversation as everything played in order from nothing', () => {
    let inserted = 0;
    const property = fc.property(
      rules,
      fc.array(told, { minLength: 4, maxLength: 16 }),
      fc.boolean(),
      (fields, all, isRulesNew) => {
        const whole = rulesWith(fields, isRulesNew ? { since: minutes(45) } : {});
        inserted += insertedOf(all, whole);
      },
    );
    fc.assert(property, {
      numRuns: 3_000,
      examples: [[{ ...SWITCHES, reopenWithin: 'P1D' }, REOPENED_BY_WHOM, false]],
    });
    expect(inserted).toBeGreaterThan(1_000);
  }, 120_000);
});

/** Tells everything in this order; each late activity has to match the model. How many could be inserted. */
function insertedOf(all: readonly Telling[], rules: AccountRules): number {
  const lateActivities = openLateActivities();
  let latest: Conversation | null = null;
  let events: Event[] = [];
  let notes: Note[] = [];
  let now = minutes(40);
  let inserted = 0;
  for (const [index, { action, minute, consent, quiet }] of all.entries()) {
    now = new Date(now.getTime() + quiet * 60_000);
    if (latest !== null && quiet > 0) {
      const advanced = advance(latest, now, rules);
      latest = advanced.conversation;
      events.push(...advanced.events);
      for (const { at, recordedAt, timer } of advanced.events)
        if (timer !== null) notes.push({ at, recordedAt, timer });
    }
    const command: Command = { action, at: minutes(minute), messageId: `m${index}`, byId: false };
    const context: DecideContext = {
      ...{ rules, now, history: events },
      newId: () => `conversation ${index}`,
      isAvailable: (agentId) => agentId === 'ann',
    };
    const state: ContactState = { ...contactWith(latest), consent, consentAt: minutes(5) };
    let outcome: Outcome | null = null;
    if (latest !== null && isOpen(latest) && command.at < latest.newestAt) {
      outcome = lateActivities.insert(state, command, context);
      expect(outcome).toEqual(playedInOrder(notes, command, { ...state, latest }, context));
      if (outcome !== null) inserted++;
    }
    outcome ??= decide(state, command, context);
    if (outcome.kind !== 'applied') continue;
    const { conversation, first, event } = outcome;
    if (conversation.id !== latest?.id) [events, notes] = [[], []];
    latest = conversation;
    if (first?.conversation.id === conversation.id) events.push(first.event);
    events.push(event);
    notes.push({
      ...{ at: command.at, recordedAt: now, command },
      // What was sent was allowed when it was recorded.
      consent: action.kind === 'OUTBOUND' || action.kind === 'START' ? 'UNKNOWN' : consent,
      tookAgent: event.effect === 'REOPENED' ? conversation.status === 'ACTIVE' : null,
    });
    // An end that follows at once from a rule is an event of its own, at the instant it was recorded.
    if (first?.conversation.id === conversation.id) {
      const end: Action = { kind: 'END', by: endOf(event)?.by as 'CUSTOMER' };
      const command: Command = { action: end, at: now, messageId: null, byId: true };
      notes.push({ at: now, recordedAt: now, command, consent, tookAgent: null });
    }
  }
  return inserted;
}

/** A conversation of as many messages, two seconds apart, customer and agent in turn. */
function longPast(length: number): { conversation: Conversation; events: Event[] } {
  const events: Event[] = [];
  let conversation: Conversation | null = null;
  for (let index = 0; index < length; index++) {
    const action: Action =
      index % 2 === 0 ? { kind: 'INBOUND' } : { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };
    const sent = new Date(NOON + index * 2_000);
    const command: Command = { action, at: sent, messageId: null, byId: false };
    const outcome = decide(contactWith(conversation), command, contextAt(sent));
    if (outcome.kind !== 'applied') throw new Error(outcome.kind);
    conversation = outcome.conversation;
    events.push(outcome.event);
  }
  return { conversation: conversation as Conversation, events };
}
function contextAt(now: Date): DecideContext {
  return { rules: RULES, now, newId: () => 'conversation', isAvailable: () => false, history: [] };
}
const RULES = rulesWith();

/** Inserts late activities, in order of time; fails where one takes more steps than are allowed. */
function insertAll(count: number, past: ReturnType<typeof longPast>, action: Action, maxSteps: number) {
  const events = [...past.events];
  const lateActivities = openLateActivities(maxSteps);
  let latest = past.conversation;
  const apart = Math.floor((events.length * 2_000) / count);
  for (let index = 0; index < count; index++) {
    const sent = new Date(NOON + index * apart + 1_000);
    const command: Command = { action, at: sent, messageId: null, byId: false };
    const context = { ...contextAt(minutes(600)), history: events };
    latest = appliedTo(lateActivities.insert(contactWith(latest), command, context) ?? NOT_INSERTED);
    events.push(eventOf(command, latest, null, minutes(600)));
  }
}
const NOT_INSERTED: Outcome = { kind: 'ignored', why: 'it was not inserted' };

describe('a thousand late activities of a conversation with ten thousand events', () => {
  const past = longPast(10_000);

  it.each<[string, Action]>([
    ['messages of the customer', { kind: 'INBOUND' }],
    ['messages of the agent', { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' }],
    ['comments', { kind: 'COMMENT' }],
    ['the same tag', { kind: 'TAG', add: ['vip'], remove: [] }],
  ])('%s replay the conversation about once', (_, action) => {
    // The replay of the first one, 10,000 steps, is not counted.
    insertAll(1_000, past, action, 2 * (10_000 + 1_000));
  });

  it('activities that change the state up to the end are inserted up to a limit, and refused beyond it', () => {
    const lateActivities = openLateActivities();
    let { conversation } = past;
    const events = [...past.events];
    const outcomes: string[] = [];
    for (let index = 0; index < 40; index++) {
      const action: Action = { kind: 'TAG', add: [`tag ${index}`], remove: [] };
      const command: Command = { action, at: new Date(NOON + 1), messageId: null, byId: false };
      const context = { ...contextAt(minutes(600)), history: events };
      const outcome = lateActivities.insert(contactWith(conversation), command, context);
      outcomes.push(outcome?.kind === 'refused' ? outcome.error.code : (outcome?.kind ?? 'null'));
      if (outcome?.kind !== 'applied') continue;
      conversation = outcome.conversation;
      events.push(outcome.event);
    }
    const inserted = 1 + Math.ceil(MAX_REPLAYED_STEPS / 10_000);
    expect(outcomes).toEqual([
      ...Array(inserted).fill('applied'),
      ...Array(40 - inserted).fill('UNAVAILABLE'),
    ]);
    expect(conversation.tags).toHaveLength(inserted);
  });
});
