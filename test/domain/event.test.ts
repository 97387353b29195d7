import { expect, it } from 'vitest';
import { ENDERS } from '../../src/domain/closing/closing.ts';
import { ACTIONS, type Action, type Command, SENDERS } from '../../src/domain/conversation/activity.ts';
import { commandOf, type Event, endOf, eventOf } from '../../src/domain/conversation/event.ts';
import { at, conversationWith, endingWith } from '../support/domain.ts';

/** At least one of every kind, and every member that one can have. */
const EXAMPLES: Action[] = [
  { kind: 'INBOUND' },
  { kind: 'INBOUND', skillId: 'sales', clientVersion: '2.1' },
  ...SENDERS.map((sender): Action => ({ kind: 'OUTBOUND', sender, agentId: 'ann', skillId: 'sales' })),
  { kind: 'OUTBOUND', sender: 'AUTOMATION' },
  { kind: 'START', by: 'AGENT', agentId: 'ann', skillId: null },
  { kind: 'START', by: 'AUTOMATION' },
  { kind: 'COMMENT', agentId: 'ann' },
  { kind: 'COMMENT' },
  { kind: 'TAG', add: ['vip'], remove: ['late', 'a "quoted" one'] },
  { kind: 'ASSIGN', agentId: 'bob' },
  { kind: 'SKILL', skillId: null },
  { kind: 'TO_QUEUE' },
  { kind: 'CASE_STATUS', caseStatus: null, agentId: 'ann' },
  { kind: 'READER_JOINED' },
  { kind: 'TRANSCRIPT_VIEWED', agentId: 'ann' },
  { kind: 'RECEIPT', of: 'message', state: 'FAILED' },
  { kind: 'CLIENT', clientVersion: '2.1' },
  { kind: 'MANUAL_RESPONSE_TIME', responseAt: at('18:00') },
  { kind: 'MANUAL_RESPONSE_TIME', responseAt: null },
  { kind: 'INACTIVATE', agentId: 'ann' },
  { kind: 'HOLD', until: at('18:00') },
  { kind: 'HOLD', until: null },
  { kind: 'RELEASE' },
  ...ENDERS.filter((by) => by !== 'SYSTEM').map((by): Action => ({ kind: 'END', by, agentId: 'ann' })),
  { kind: 'REOPEN', agentId: 'ann' },
];
const commandFor = (action: Action): Command => ({
  action,
  at: at('12:00'),
  messageId: 'message',
  byId: true,
});
const stored = (event: Event): Event => ({ ...event, data: JSON.parse(JSON.stringify(event.data)) });

it('there is an example of every action', () => {
  expect([...new Set(EXAMPLES.map(({ kind }) => kind))].sort()).toEqual([...ACTIONS].sort());
});

it.each(EXAMPLES)(
  'an event tells again what was commanded, also after the database kept it: %j',
  (action) => {
    const command = commandFor(action);
    const event = eventOf(command, conversationWith(), null, at('12:01'));
    expect(commandOf(event)).toEqual(command);
    expect(commandOf(stored(event))).toEqual(command);
  },
);

it.each<[Action, string, string | null]>([
  [{ kind: 'INBOUND' }, 'CONSUMER', null],
  [{ kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' }, 'AGENT', 'ann'],
  [{ kind: 'OUTBOUND', sender: 'BROADCAST' }, 'BROADCAST', null],
  [{ kind: 'START', by: 'AUTOMATION' }, 'AUTOMATION', null],
  [{ kind: 'END', by: 'CUSTOMER' }, 'CUSTOMER', null],
  [{ kind: 'COMMENT', agentId: 'ann' }, 'AGENT', 'ann'],
  [{ kind: 'TO_QUEUE' }, 'SYSTEM', null],
])('SP-12 the feed says who did it: %j', (action, actor, agentId) => {
  const event = eventOf(commandFor(action), conversationWith(), null, at('12:01'));
  expect(event).toMatchObject({ actor, agentId, at: at('12:00'), recordedAt: at('12:01'), timer: null });
});

it('what was no command is none', () => {
  const event = eventOf(commandFor({ kind: 'COMMENT' }), conversationWith(), null, at('12:01'));
  expect(commandOf({ ...event, kind: 'TIMER', timer: 'AUTO_CLOSE' })).toBeNull();
  expect(commandOf({ ...event, kind: 'SET_ASIDE', timer: 'AUTO_CLOSE' })).toBeNull();
});

it('an event that ended a conversation stores why and by whom, and still tells its command', () => {
  const command = commandFor({ kind: 'END', by: 'AGENT', agentId: 'ann' });
  const ending = endingWith({ reason: 'COMMAND', by: 'AGENT' });
  const ended = conversationWith({ status: 'ENDED', ending });
  const event = eventOf(command, ended, 'ENDED', at('12:01'));
  expect(endOf(stored(event))).toEqual({ reason: 'COMMAND', by: 'AGENT' });
  expect(commandOf(stored(event))).toEqual(command);
  expect(endOf({ ...event, effect: null })).toBeNull();
});
