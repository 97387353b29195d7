import fc from 'fast-check';
import type { StoredContact } from '../../src/db/rows/contacts.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Conversation } from '../../src/domain/conversation/conversation.ts';
import type { Event } from '../../src/domain/conversation/event.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import type { ActivityResult } from '../../src/engine.ts';
import { nothingErased } from '../../src/ingest/load-erased.ts';
import type { WorkingSet } from '../../src/ingest/load-locked.ts';
import { decideAll } from './decide.ts';
import { at } from './domain.ts';

/** Something that happened to a contact: `minute` after noon, as the message `messageId`. */
export type Happened = { action: Action; minute: number; messageId: string };
/** What a contact has come to, and what each activity was answered. */
export type CameTo = {
  contact: StoredContact;
  conversations: Map<string, Conversation>;
  events: Event[];
  results: ActivityResult[];
};

/** When all of it is told: the clock stands. */
export const TOLD_AT = at('20:00');
export const sentAt = ({ minute }: Pick<Happened, 'minute'>) =>
  new Date(at('12:00').getTime() + minute * 60_000);

/** Tells a contact's activities in the given calls, as the engine decides them, without a database. */
export function tellInCalls(calls: readonly (readonly Happened[])[], rules: AccountRules): CameTo {
  let made = 0;
  const messages = new Map<string, string>();
  const came: CameTo = {
    contact: {
      ...{ id: 'contact', channelId: 'web', latestConversationId: null, isErased: false },
      ...{ clientVersion: null, locale: null, consent: null, consentAt: null, erasedBefore: null },
    },
    conversations: new Map(),
    events: [],
    results: [],
  };
  for (const call of calls) {
    const set = {
      contacts: new Map([['contact', came.contact]]),
      conversations: new Map([...came.conversations].map(([id, each]) => [id, { ...each, laneId: 'lane' }])),
      messages,
      events: Map.groupBy(came.events, (event) => event.conversationId),
      freeSlots: new Map([
        ['ann', 100],
        ['bob', 100],
      ]),
      erased: nothingErased(),
    } as unknown as WorkingSet;
    const items = call.map((each, index) => ({
      ...{ index, contactId: 'contact', conversationId: null, channelId: 'web' },
      command: { action: each.action, at: sentAt(each), messageId: each.messageId, byId: false },
    }));
    const done = decideAll({
      set,
      items,
      rules,
      newId: () => `id ${++made}`,
      time: { kind: 'REAL', now: TOLD_AT },
    });
    for (const [id, { laneId: _, ...each }] of done.changed as Map<
      string,
      Conversation & { laneId?: string }
    >)
      came.conversations.set(id, each);
    came.events.push(...done.events);
    came.contact = done.contacts.get('contact') ?? came.contact;
    came.results.push(...done.results);
  }
  return came;
}

const agentId = fc.constantFrom('ann', 'bob');
const of = fc.integer({ min: 0, max: 9 }).map((number) => `m${number}`);
const TAGS = ['vip', 'refund', 'spam'];
const constant = <Kind extends Action>(...actions: Kind[]) => fc.constantFrom<Action>(...actions);

/** What ends a conversation, and reopens it by hand. */
export const endings: fc.Arbitrary<Action> = constant(
  { kind: 'END', by: 'AGENT' },
  { kind: 'END', by: 'CUSTOMER', reported: true },
  { kind: 'REOPEN' },
  { kind: 'INBOUND', keyword: 'OPT_OUT' },
);

/** Every kind of activity, those of conversations that go on; `of` names a message that may be among them. */
export const goingOn: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: constant({ kind: 'INBOUND' }) },
  { weight: 4, arbitrary: agentId.map((id): Action => ({ kind: 'OUTBOUND', sender: 'AGENT', agentId: id })) },
  {
    weight: 4,
    arbitrary: constant(
      { kind: 'OUTBOUND', sender: 'AUTOMATION' },
      { kind: 'OUTBOUND', sender: 'AUTOMATION' },
      { kind: 'OUTBOUND', sender: 'BOT' },
      { kind: 'OUTBOUND', sender: 'BROADCAST' },
      { kind: 'OUTBOUND', sender: 'AGENT' },
    ),
  },
  constant(
    { kind: 'INBOUND', keyword: 'OPT_IN', clientVersion: '1', locale: 'de' },
    { kind: 'INBOUND', keyword: 'HELP', clientVersion: '2' },
    { kind: 'OUTBOUND', sender: 'OWN' },
    { kind: 'START', by: 'AGENT' },
    { kind: 'START', by: 'AUTOMATION' },
  ),
  constant(
    { kind: 'COMMENT' },
    { kind: 'READER_JOINED' },
    { kind: 'TRANSCRIPT_VIEWED' },
    { kind: 'TO_QUEUE' },
    { kind: 'MANUAL_RESPONSE_TIME', responseAt: at('22:00') },
    { kind: 'MANUAL_RESPONSE_TIME', responseAt: null },
    { kind: 'CASE_STATUS', caseStatus: 'open' },
    { kind: 'CASE_STATUS', caseStatus: null },
    { kind: 'SKILL', skillId: 'care' },
    { kind: 'SKILL', skillId: null },
    { kind: 'CLIENT', clientVersion: '3', locale: 'fr' },
  ),
  {
    // Most of these are refused, by the status or because nothing is on hold.
    weight: 3,
    arbitrary: constant(
      { kind: 'HOLD', until: null },
      { kind: 'HOLD', until: at('23:00') },
      { kind: 'RELEASE' },
      { kind: 'RELEASE' },
      { kind: 'INACTIVATE' },
      { kind: 'INACTIVATE' },
    ),
  },
  agentId.map((id): Action => ({ kind: 'ASSIGN', agentId: id })),
  fc.record({ kind: fc.constant('TAG' as const), add: fc.subarray(TAGS), remove: fc.subarray(TAGS) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('RECEIPT' as const),
      of,
      state: fc.constantFrom('DELIVERED' as const, 'READ' as const, 'FAILED' as const, 'FAILED' as const),
    }),
  },
);

/** A contact's activities in order of time, each at an instant of its own, and an order of arrival in calls. */
export const shuffled = (actions: fc.Arbitrary<Action>, maxLength = 9) =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 60 }), actions), {
      selector: ([minute]) => minute,
      minLength: 2,
      maxLength,
    })
    .chain((all) => {
      const inOrder = [...all]
        .sort(([a], [b]) => a - b)
        .map(([minute, action], index): Happened => ({ action, minute, messageId: `m${index}` }));
      return fc.record({
        inOrder: fc.constant(inOrder),
        order: fc.shuffledSubarray(inOrder, { minLength: inOrder.length }),
        sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: inOrder.length }),
      });
    });

/** Whether a receipt is stamped before the message that it is of: then it is not known what came first. */
export const isToldBeforeItsMessage = (all: readonly Happened[]) =>
  all.some(({ action }, index) => action.kind === 'RECEIPT' && Number(action.of.slice(1)) > index);

/**
 * An order of arrival in which an end, and what an ended conversation is told, keep their places: an end acts on the
 * outside at once, so it is not undone, and the next thing decides which conversation goes on. `isFixed`: by index.
 */
export function between(
  inOrder: readonly Happened[],
  order: readonly Happened[],
  isFixed: readonly boolean[],
) {
  const stretchOf = (each: Happened) => {
    const index = inOrder.indexOf(each);
    return isFixed.slice(0, index).filter(Boolean).length * 2 + (isFixed[index] ? 1 : 0);
  };
  return [...Map.groupBy(order, stretchOf)].sort(([a], [b]) => a - b).flatMap(([, own]) => own);
}

/** Divides an order of arrival into calls of these sizes. */
export function inCalls(order: readonly Happened[], sizes: readonly number[]): Happened[][] {
  const calls: Happened[][] = [];
  for (let from = 0; from < order.length; from += calls.at(-1)?.length ?? 1)
    calls.push(order.slice(from, from + (sizes[calls.length] ?? 1)));
  return calls;
}
