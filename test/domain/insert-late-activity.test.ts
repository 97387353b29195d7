import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import type { Conversation } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import type { Event } from '../../src/domain/conversation/event.ts';
import type { DecideContext } from '../../src/domain/conversation/outcome.ts';
import { appliedTo, at, contactWith, rulesWith } from '../support/domain.ts';
import {
  EVENING,
  insertLate,
  letTimeRun,
  NOTHING,
  type Story,
  type Told,
  tell,
  tellAll,
} from '../support/story.ts';

const INBOUND: Action = { kind: 'INBOUND' };
const FROM_ANN: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };

const human: Action[] = [INBOUND, FROM_ANN, { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'bob' }];
const automated: Action[] = [
  { kind: 'OUTBOUND', sender: 'BOT' },
  { kind: 'OUTBOUND', sender: 'BROADCAST' },
];
const messagesOf = (actions: Action[]) =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.constantFrom(...actions)), {
      selector: ([minute]) => minute,
      minLength: 1,
      maxLength: 8,
    })
    .map((all) =>
      all.map(
        ([minute, action]): Told => ({ action, sent: new Date(at('12:00').getTime() + minute * 60_000) }),
      ),
    );
const bySending = (all: readonly Told[]) => [...all].sort((a, b) => a.sent.getTime() - b.sent.getTime());

describe('messages out of order', () => {
  it('LL-2 any order of telling gives the same conversation as the order of sending', () => {
    fc.assert(
      fc.property(messagesOf(human), (all) => {
        expect(tellAll(all).conversation).toEqual(tellAll(bySending(all)).conversation);
      }),
      { numRuns: 300 },
    );
  });

  it('LL-2 with automated ones among them, too, but that a clock which one of them began never goes back', () => {
    fc.assert(
      fc.property(messagesOf([...human, ...automated]), (all) => {
        const { lastActivityAt, ...told } = tellAll(all).conversation as Conversation;
        const { lastActivityAt: clock, ...expected } = tellAll(bySending(all)).conversation as Conversation;
        expect(told).toEqual(expected);
        expect(lastActivityAt.getTime()).toBeGreaterThanOrEqual(clock.getTime());
      }),
      { numRuns: 300 },
    );
  });

  it('a late customer message before the answer leaves the consumer awaited, since the answer', () => {
    const story = tellAll([
      { action: INBOUND, sent: at('12:00') },
      { action: FROM_ANN, sent: at('13:00') },
      { action: INBOUND, sent: at('12:30') },
    ]);
    expect(story.conversation).toMatchObject({
      status: 'ACTIVE',
      awaiting: 'CONSUMER',
      awaitingSince: at('13:00'),
      lastActivityAt: at('13:00'),
      newestAt: at('13:00'),
      revision: 3,
    });
  });

  it('SF-4 a late answer moves back since when the consumer is awaited', () => {
    const story = tellAll([
      { action: INBOUND, sent: at('12:00') },
      { action: FROM_ANN, sent: at('13:00') },
      { action: FROM_ANN, sent: at('12:10') },
    ]);
    expect(story.conversation?.awaitingSince).toEqual(at('12:10'));
  });

  it('the last word on a tag or a skill is the one that was said last', () => {
    const story = tellAll([
      { action: INBOUND, sent: at('12:00') },
      { action: { kind: 'SKILL', skillId: 'sales' }, sent: at('13:00') },
      { action: { kind: 'SKILL', skillId: 'care' }, sent: at('12:30') },
    ]);
    expect(story.conversation?.skillId).toBe('sales');
  });

  it('LL-13 a late comment does not hide that a close is late; a late message may', () => {
    const told = tellAll(
      [
        { action: INBOUND, sent: at('12:00') },
        { action: FROM_ANN, sent: at('13:00') },
      ],
      at('13:00'),
    );
    const comment: Told = { action: { kind: 'COMMENT' }, sent: at('12:30') };
    expect(tell(told, comment, at('14:00')).conversation?.placedAt).toEqual(at('13:00'));
    const answer: Told = { action: FROM_ANN, sent: at('12:30') };
    expect(tell(told, answer, at('14:00')).conversation?.placedAt).toEqual(at('14:00'));
  });

  it('the late one is told in the feed once, as the newest revision', () => {
    const story = tellAll([
      { action: INBOUND, sent: at('12:00') },
      { action: FROM_ANN, sent: at('13:00') },
      { action: INBOUND, sent: at('12:30') },
    ]);
    expect(story.events.map(({ revision, at: sent }) => [revision, sent])).toEqual([
      [1, at('12:00')],
      [2, at('13:00')],
      [3, at('12:30')],
    ]);
  });
});

describe('what was refused in time is refused late', () => {
  const begun = tellAll([
    { action: INBOUND, sent: at('12:00') },
    { action: INBOUND, sent: at('14:00') },
  ]);
  it.each<[string, Action]>([
    ['a start while one is open', { kind: 'START', by: 'AGENT' }],
    ['a release of what is not held', { kind: 'RELEASE' }],
    ['a hold that is over', { kind: 'HOLD', until: at('13:30') }],
    ['inactivating one that waits', { kind: 'INACTIVATE' }],
    ['reopening one that is open', { kind: 'REOPEN' }],
  ])('%s', (_, action) => {
    const story = tell(begun, { action, sent: at('13:00') });
    expect(story.last?.kind).toBe('refused');
    expect(story.conversation).toEqual(begun.conversation);
  });
});

describe('timers that acted meanwhile', () => {
  const rules = rulesWith({ inactivate: true, inactivateAfter: 'PT1H', remindBefore: ['P1D'] });
  const answered = [INBOUND, FROM_ANN].reduce(
    (story, action, index) => tell(story, { action, sent: at(`12:0${index}`) }, at(`12:0${index}`), rules),
    NOTHING,
  );
  const comment = (sent: Date): Told => ({ action: { kind: 'COMMENT' }, sent });
  const inactive = tell(letTimeRun(answered, at('14:00'), rules), comment(at('13:30')), at('14:00'), rules);

  it('act again where they were due all the same', () => {
    expect(inactive.conversation).toMatchObject({ status: 'INACTIVE', statusSince: at('13:01') });
    const story = tell(inactive, comment(at('12:30')), at('14:00'), rules);
    expect(story.conversation).toMatchObject({ status: 'INACTIVE', statusSince: at('13:01'), revision: 5 });
  });

  it('do not where a late message shows that they were not', () => {
    const story = tell(inactive, { action: INBOUND, sent: at('12:30') }, at('14:00'), rules);
    expect(story.conversation).toMatchObject({ status: 'ACTIVE', agentId: 'ann', awaiting: 'AGENT' });
  });

  it('stand where the rules have changed since: nobody can say what was due then', () => {
    const longer = { ...rulesWith({ inactivate: true, inactivateAfter: 'PT9H' }), since: at('13:45') };
    const story = tell(inactive, comment(at('12:30')), at('14:00'), longer);
    expect(story.conversation).toMatchObject({ status: 'INACTIVE', statusSince: at('13:01'), revision: 5 });
  });

  it('a conversation that was set aside has had no timer act', () => {
    const event: Event = {
      ...(answered.events[1] as Event),
      revision: 3,
      kind: 'SET_ASIDE',
      at: at('13:01'),
      recordedAt: at('13:01'),
      timer: 'INACTIVATE',
    };
    const aside: Story = {
      ...answered,
      conversation: { ...(answered.conversation as Conversation), revision: 3 },
      events: [...answered.events, event],
    };
    const now = tell(aside, { action: { kind: 'COMMENT' }, sent: at('13:10') }, at('13:10'), rules);
    const story = tell(now, { action: { kind: 'COMMENT' }, sent: at('12:30') }, at('14:00'), rules);
    expect(story.conversation).toMatchObject({ status: 'ACTIVE', revision: 5 });
  });
});

it('PE-6 LL-2 no clock goes back: a release told before the message that began it', () => {
  const held = tellAll(
    [
      { action: INBOUND, sent: at('12:00') },
      { action: { kind: 'HOLD', until: null }, sent: at('12:10') },
      { action: { kind: 'RELEASE' }, sent: at('12:20') },
      { action: { kind: 'COMMENT' }, sent: at('12:30') },
    ],
    at('12:30'),
  );
  const story = tell(held, { action: INBOUND, sent: at('11:00') }, at('14:00'));
  expect(story.conversation).toMatchObject({ startedAt: at('11:00'), statusSince: at('14:00'), held: false });
});

describe('where it cannot be folded again', () => {
  const context: DecideContext = {
    rules: rulesWith(),
    now: EVENING,
    newId: () => 'other',
    isAvailable: () => false,
    history: [],
  };
  const story = tellAll([
    { action: INBOUND, sent: at('12:00') },
    { action: FROM_ANN, sent: at('13:00') },
  ]);
  const late: Command = { action: INBOUND, at: at('12:30'), messageId: null, byId: false };

  it('its first events are gone', () => {
    const subject = story.conversation as Conversation;
    const insertWith = (history: readonly Event[]) =>
      insertLate(contactWith(subject), late, { ...context, history });
    expect(insertWith(story.events.slice(1))).toBeNull();
    expect(insertWith(story.events)).not.toBeNull();
  });

  it('the order would have led to another conversation', () => {
    const rules = rulesWith({ reopenWithin: 'PT0S' });
    const told = tell(story, { action: INBOUND, sent: at('14:00') });
    const end: Command = {
      action: { kind: 'END', by: 'AGENT' },
      at: at('13:30'),
      messageId: null,
      byId: false,
    };
    const subject = told.conversation as Conversation;
    expect(insertLate(contactWith(subject), end, { ...context, rules, history: told.events })).toBeNull();
    const decided = decide(contactWith(subject), end, { ...context, rules });
    expect(appliedTo(decided)).toMatchObject({ status: 'ENDED', ending: { at: EVENING } });
  });
});

it('LL-2 a first message that comes late and names no skill leaves the conversation its skill', () => {
  const sales: Action = { kind: 'INBOUND', skillId: 'sales' };
  const story = tellAll([
    { action: sales, sent: at('12:10') },
    { action: FROM_ANN, sent: at('12:20') },
    { action: INBOUND, sent: at('12:00') },
  ]);
  expect(story.conversation).toMatchObject({ skillId: 'sales', startedAt: at('12:00'), revision: 3 });
});
