import { beforeEach, expect, it, vi } from 'vitest';
import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import type { Conversation } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import type { Event } from '../../src/domain/conversation/event.ts';
import { nothingErased } from '../../src/ingest/load-erased.ts';
import type { WorkingSet } from '../../src/ingest/load-locked.ts';
import { decideAll } from '../support/decide.ts';
import { at, contactWith, rulesWith } from '../support/domain.ts';

vi.mock('../../src/domain/conversation/decide.ts', async (load) => {
  const real = await load<typeof import('../../src/domain/conversation/decide.ts')>();
  return { decide: vi.fn(real.decide) };
});
const decisions = vi.mocked(decide);
beforeEach(() => void decisions.mockClear());

const NOON = at('12:00').getTime();
const EVENING = at('20:00');
const rules = rulesWith();
const LENGTH = 10_000;

/** A contact with a conversation of 10,000 messages, two seconds apart, none of them with an id. */
function longPast(): { conversation: Conversation; events: Event[] } {
  const events: Event[] = [];
  let conversation: Conversation | null = null;
  for (let index = 0; index < LENGTH; index++) {
    const action: Action =
      index % 2 === 0 ? { kind: 'INBOUND' } : { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };
    const now = new Date(NOON + index * 2_000);
    const outcome = decide(
      contactWith(conversation),
      { action, at: now, messageId: `known ${index}`, byId: false },
      { rules, now, newId: () => 'conversation', isAvailable: () => false, history: [] },
    );
    if (outcome.kind !== 'applied') throw new Error(outcome.kind);
    conversation = outcome.conversation;
    events.push(outcome.event);
  }
  return { conversation: conversation as Conversation, events };
}

function setOf({ conversation, events }: ReturnType<typeof longPast>): WorkingSet {
  const contact = {
    ...{
      id: 'contact',
      channelId: 'web',
      address: 'ada',
      isErased: false,
      latestConversationId: conversation.id,
    },
    ...{ clientVersion: null, locale: null, consent: null, consentAt: null, erasedBefore: null },
  };
  return {
    contacts: new Map([['contact', contact]]),
    conversations: new Map([[conversation.id, { ...conversation, laneId: 'lane' }]]),
    messages: new Map([['web known 7', conversation.id]]),
    events: new Map([[conversation.id, events]]),
    freeSlots: new Map(),
    erased: nothingErased(),
  } as unknown as WorkingSet;
}

function report(set: WorkingSet, commands: readonly Omit<Command, 'byId'>[]) {
  const items = commands.map((command, index) => ({
    ...{ index, contactId: 'contact', conversationId: null },
    command: { ...command, byId: false },
  }));
  let made = 0;
  const newId = () => `new ${++made}`;
  decisions.mockClear();
  const done = decideAll({ set, items: items as never, rules, newId, time: { kind: 'REAL', now: EVENING } });
  return { ...done, decided: decisions.mock.calls.length };
}
const late = (index: number) => new Date(NOON + index * 18_000 + 1_000);
const past = longPast();

it('LL-2 a thousand late messages of one conversation are inserted in about as many steps as it has events', () => {
  const commands = Array.from({ length: 1_000 }, (_, index) => ({
    action: { kind: 'INBOUND' } as const,
    at: late(999 - index),
    messageId: `late ${index}`,
  }));
  const { results, changed, events, decided } = report(setOf(past), commands);
  expect(results.map(({ outcome }) => outcome)).toEqual(Array(1_000).fill('APPLIED'));
  expect(changed.get('conversation')).toMatchObject({
    revision: LENGTH + 1_000,
    newestAt: past.conversation.newestAt,
  });
  expect(events.map(({ revision }) => revision)).toEqual(
    Array.from({ length: 1_000 }, (_, index) => LENGTH + 1 + index),
  );
  // One by one, each message would take over ten thousand steps.
  expect(decided).toBeLessThan(3 * LENGTH);
});

it('each late activity has its own result, in the order of the call: applied, duplicate or refused', () => {
  const { results, changed } = report(setOf(past), [
    { action: { kind: 'TAG', add: ['vip'], remove: [] }, at: late(3), messageId: null },
    { action: { kind: 'INBOUND' }, at: late(9), messageId: 'known 7' },
    { action: { kind: 'RELEASE' }, at: late(2), messageId: null },
    { action: { kind: 'INBOUND' }, at: late(1), messageId: 'once' },
    { action: { kind: 'INBOUND' }, at: late(4), messageId: 'once' },
    { action: { kind: 'START', by: 'AGENT' }, at: late(5), messageId: null },
    { action: { kind: 'TAG', add: ['refund'], remove: [] }, at: late(6), messageId: null },
  ]);
  expect(results.map(({ outcome, error }) => error?.code ?? outcome)).toEqual([
    'APPLIED',
    'DUPLICATE',
    'NOT_ALLOWED',
    'APPLIED',
    'DUPLICATE',
    'NOT_ALLOWED',
    'APPLIED',
  ]);
  expect(changed.get('conversation')).toMatchObject({ revision: LENGTH + 3, tags: ['vip', 'refund'] });
});

it('late activities that each need a full recomputation are applied up to a limit; the rest are UNAVAILABLE', () => {
  const commands = Array.from({ length: 1_000 }, (_, index) => ({
    action: { kind: 'TAG', add: [`tag ${index}`], remove: [] } as const,
    at: new Date(NOON + 1_000),
    messageId: null,
  }));
  const { results, changed, decided } = report(setOf(past), commands);
  const applied = results.filter(({ outcome }) => outcome === 'APPLIED').length;
  expect(applied).toBeGreaterThan(1);
  expect(changed.get('conversation')?.tags).toHaveLength(applied);
  expect(results.slice(applied).map(({ error }) => error?.code)).toEqual(
    Array(1_000 - applied).fill('UNAVAILABLE'),
  );
  expect(decided).toBeLessThan(100_000 + 4 * LENGTH);
});
