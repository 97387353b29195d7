import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../src/domain/bounds.ts';
import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import type { Conversation } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import type { Event } from '../../src/domain/conversation/event.ts';
import { type Deciding, decideInPieces } from '../../src/ingest/decide-call.ts';
import { nothingErased } from '../../src/ingest/load-erased.ts';
import type { WorkingSet } from '../../src/ingest/load-locked.ts';
import { cpuMs } from '../support/cpu.ts';
import { decideAll } from '../support/decide.ts';
import { at, contactWith, conversationWith, rulesWith } from '../support/domain.ts';

const NOON = at('12:00').getTime();
const EVENING = at('20:00');
const rules = rulesWith();
const SIZE = 1_000;
const FROM_ANN: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };
/** In CPU time, which other processes do not lengthen. Time that grows with the square of the size is 13 s to 70 s. */
const LIMIT_MS = 10_000;

type Past = { conversation: Conversation; events: Event[] };

/** A conversation of this many events, two seconds apart. */
function pastOf(length: number, actionOf: (index: number) => Action): Past {
  const events: Event[] = [];
  let conversation: Conversation | null = null;
  for (let index = 0; index < length; index++) {
    const now = new Date(NOON + index * 2_000);
    const outcome = decide(
      contactWith(conversation),
      { action: actionOf(index), at: now, messageId: `known ${index}`, byId: false },
      { rules, now, newId: () => 'conversation', isAvailable: () => false, history: [] },
    );
    if (outcome.kind !== 'applied') throw new Error(outcome.kind);
    conversation = outcome.conversation;
    events.push(outcome.event);
  }
  return { conversation: conversation as Conversation, events };
}
const inTurn = (index: number): Action => (index % 2 === 0 ? { kind: 'INBOUND' } : FROM_ANN);

function setOf({ conversation, events }: Past): WorkingSet {
  const contact = {
    ...{ id: 'contact', channelId: 'web', isErased: false, latestConversationId: conversation.id },
    ...{ clientVersion: null, locale: null, consent: null, consentAt: null, erasedBefore: null },
  };
  return {
    contacts: new Map([['contact', contact]]),
    conversations: new Map([[conversation.id, { ...conversation, laneId: 'lane' }]]),
    messages: new Map(),
    events: new Map([[conversation.id, events]]),
    freeSlots: new Map(),
    erased: nothingErased(),
  } as unknown as WorkingSet;
}

/** A call of a thousand commands of one contact. */
function callOf(past: Past, commandOf: (index: number) => Partial<Command>, length = SIZE): Deciding {
  const items = Array.from({ length }, (_, index) => ({
    ...{ index, contactId: 'contact', conversationId: null },
    command: { at: soon(index), messageId: `new ${index}`, byId: false, ...commandOf(index) },
  }));
  const time = { kind: 'REAL', now: EVENING } as const;
  return { set: setOf(past), items: items as never, rules, newId: () => 'id', time };
}
const soon = (index: number) => new Date(NOON + 7 * 3_600_000 + index);
const late = (index: number) => new Date(NOON + index * 18_000 + 1_000);

/** Counts the call's commands by outcome. */
function tally(call: Deciding): Record<string, number> {
  const began = cpuMs();
  const { results } = decideAll(call);
  expect(cpuMs() - began).toBeLessThan(LIMIT_MS);
  const ways = Map.groupBy(results, ({ error, outcome }) => error?.code ?? outcome);
  return Object.fromEntries([...ways].map(([way, all]) => [way, all.length]));
}
const failed = (index: number): Action => ({ kind: 'RECEIPT', of: `known ${index}`, state: 'FAILED' });

describe('a call of a thousand activities', () => {
  it('takes time in proportion to its size when each activity adds 50 new tags', () => {
    const add = (index: number) =>
      Array.from({ length: 50 }, (_, tag) => `${index} ${tag} `.padEnd(100, 'x'));
    const call = callOf(pastOf(2, inTurn), (index) => ({
      action: { kind: 'TAG', add: add(index), remove: [] },
    }));
    expect(tally(call)).toEqual({ APPLIED: 2, INVALID_INPUT: 998 });
  });

  const past = pastOf(10_000, inTurn);
  const answers = pastOf(10_000, (index) => (index === 0 ? { kind: 'INBOUND' } : FROM_ANN));
  it.each<[string, Past, (index: number) => Partial<Command>]>([
    ['receipts of failures', past, (index) => ({ action: failed(2 * index + 1) })],
    ['receipts of failures of one agent', answers, (index) => ({ action: failed(index + 1) })],
    [
      'late receipts of failures',
      past,
      (index) => ({ action: failed(20 * (index >> 1) + 1), at: late(index) }),
    ],
    [
      'messages, each with its failure',
      past,
      (index) =>
        index % 2 === 0
          ? { action: FROM_ANN, messageId: `sent ${index}` }
          : { action: { kind: 'RECEIPT', of: `sent ${index - 1}`, state: 'FAILED' } },
    ],
    ['late messages', past, (index) => ({ action: { kind: 'INBOUND' }, at: late(index) })],
    [
      'late comments, the latest first',
      past,
      (index) => ({ action: { kind: 'COMMENT' }, at: late(SIZE - index) }),
    ],
    ['messages with long texts', past, () => ({ action: { kind: 'INBOUND', text: 'İ👍 c'.repeat(100) } })],
  ])(
    'takes time in proportion to its size and the stored events: %s on a conversation of ten thousand events',
    (_, of, commandOf) => {
      expect(tally(callOf(of, commandOf))).toEqual({ APPLIED: SIZE });
    },
  );

  it('yields to other work of the process in between', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    let time = NOON;
    const clock = {
      now() {
        time += 10;
        return new Date(time);
      },
    };
    const call = () => callOf(past, (index) => ({ action: { kind: 'INBOUND' }, at: late(index) }));
    expect(await decideInPieces(clock, call())).toEqual(decideAll(call()));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });
});

describe('a conversation that has more tags than the bound allows', () => {
  const tags = Array.from({ length: 3 * BOUNDS.conversationTags.max }, (_, index) => `tag ${index}`);
  const past = { conversation: conversationWith({ tags }), events: [] };
  const become = (action: Action) => {
    const { results, changed } = decideAll(callOf(past, () => ({ action }), 1));
    return { error: results[0]?.error, tags: changed.get('conversation')?.tags.length };
  };

  it('can lose tags but cannot gain more', () => {
    expect(become({ kind: 'TAG', add: [], remove: tags.slice(0, 250) }).tags).toBe(50);
    expect(become({ kind: 'TAG', add: ['other'], remove: tags.slice(0, 2) }).tags).toBe(299);
    expect(become({ kind: 'TAG', add: ['other'], remove: [] }).error).toMatchObject({
      ...{ code: 'INVALID_INPUT', field: 'add' },
      allowed: expect.stringContaining('at most 100 tags'),
    });
  });
});
