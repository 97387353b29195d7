import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { type Conversation, STATUSES, type Status } from '../../src/domain/conversation/conversation.ts';
import type { Outcome } from '../../src/domain/conversation/outcome.ts';
import { TRANSITIONS, TRIGGERS } from '../../src/domain/conversation/transitions.ts';
import { at, contactWith, conversationWith, deciding, endingWith, rulesWith } from '../support/domain.ts';

const byAgent = { sender: 'AGENT', agentId: 'ann' } as const;
const ENDED = 'error CONVERSATION_ENDED';
const REFUSED = 'error NOT_ALLOWED';

/** Told again from the design, not from the code: what each command makes of each status. */
const TABLE: [string, Action, Record<Status, string>][] = [
  [
    'consumer message',
    { kind: 'INBOUND' },
    { NEW: 'WAITING', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'WAITING', ENDED: 'reopened WAITING' },
  ],
  [
    'agent message',
    { kind: 'OUTBOUND', ...byAgent },
    { NEW: 'NEW', WAITING: 'ACTIVE', ACTIVE: 'ACTIVE', INACTIVE: 'ACTIVE', ENDED },
  ],
  ...(['BOT', 'AUTOMATION', 'BROADCAST'] as const).map((sender): [string, Action, Record<Status, string>] => [
    `${sender.toLowerCase()} message`,
    { kind: 'OUTBOUND', sender },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ]),
  [
    'own message',
    { kind: 'OUTBOUND', sender: 'OWN' },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED: 'recorded' },
  ],
  [
    'start',
    { kind: 'START', by: 'AGENT', agentId: 'ann' },
    { NEW: REFUSED, WAITING: REFUSED, ACTIVE: REFUSED, INACTIVE: REFUSED, ENDED },
  ],
  [
    'assign',
    { kind: 'ASSIGN', agentId: 'ann' },
    { NEW: 'NEW', WAITING: 'ACTIVE', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ],
  [
    'to queue',
    { kind: 'TO_QUEUE' },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'WAITING', INACTIVE: 'WAITING', ENDED },
  ],
  [
    'inactivate',
    { kind: 'INACTIVATE' },
    { NEW: REFUSED, WAITING: REFUSED, ACTIVE: 'INACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ],
  [
    'end',
    { kind: 'END', by: 'AGENT' },
    { NEW: 'ENDED', WAITING: 'ENDED', ACTIVE: 'ENDED', INACTIVE: 'ENDED', ENDED },
  ],
  [
    'reopen',
    { kind: 'REOPEN' },
    { NEW: REFUSED, WAITING: REFUSED, ACTIVE: REFUSED, INACTIVE: REFUSED, ENDED: 'reopened ACTIVE' },
  ],
  [
    'hold',
    { kind: 'HOLD', until: null },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ],
  [
    'skill',
    { kind: 'SKILL', skillId: null },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ],
  [
    'manual response time',
    { kind: 'MANUAL_RESPONSE_TIME', responseAt: at('16:00') },
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED },
  ],
  ...(
    [
      { kind: 'COMMENT' },
      { kind: 'TAG', add: ['vip'], remove: [] },
      { kind: 'CASE_STATUS', caseStatus: 'solved' },
      { kind: 'READER_JOINED' },
      { kind: 'TRANSCRIPT_VIEWED' },
      { kind: 'RECEIPT', of: 'message', state: 'READ' },
      { kind: 'CLIENT', clientVersion: '2.1' },
    ] satisfies Action[]
  ).map((action): [string, Action, Record<Status, string>] => [
    action.kind.toLowerCase().replaceAll('_', ' '),
    action,
    { NEW: 'NEW', WAITING: 'WAITING', ACTIVE: 'ACTIVE', INACTIVE: 'INACTIVE', ENDED: 'recorded' },
  ]),
];

/** A conversation in a status, as it would come there: with an agent where one is assigned. */
function standing(status: Status, agentId: string | null): Conversation {
  return conversationWith({
    status,
    agentId,
    ...(status === 'WAITING' ? { awaiting: 'AGENT', awaitingSince: null } : {}),
    ...(status === 'ENDED' ? { ending: endingWith({ reason: 'COMMAND', latenessMs: null }) } : {}),
  });
}

function toWords(outcome: Outcome, before: Conversation): string {
  if (outcome.kind === 'refused') return `error ${outcome.error.code}`;
  if (outcome.kind === 'ignored') return 'ignored';
  const { effect } = outcome.event;
  const { status } = outcome.conversation;
  if (effect === 'STARTED') return `started ${status}`;
  if (effect === 'REOPENED') return `reopened ${status}`;
  return before.status === 'ENDED' ? 'recorded' : status;
}

describe.each(TABLE)('%s', (_, action, row) => {
  it.each(STATUSES)(`while %s: as the design says`, (status) => {
    const before = standing(status, status === 'NEW' || status === 'WAITING' ? null : 'ann');
    const outcome = deciding(contactWith(before, before), action, { byId: true });
    expect(toWords(outcome, before)).toBe(row[status]);
  });

  it('tells the feed of the status it left, under the next revision', () => {
    for (const status of STATUSES) {
      const before = standing(status, 'ann');
      const outcome = deciding(contactWith(before, before), action, { byId: true });
      if (outcome.kind !== 'applied') continue;
      const { conversation, event } = outcome;
      expect(event).toMatchObject({
        kind: action.kind,
        conversationId: 'conversation',
        status: conversation.status,
        awaiting: conversation.awaiting,
        revision: before.revision + 1,
      });
      expect(conversation.revision).toBe(before.revision + 1);
    }
  });
});

describe('where a cell depends on more than the status', () => {
  it('a consumer message makes a NEW one ACTIVE if somebody is assigned', () => {
    const before = standing('NEW', 'ann');
    expect(toWords(deciding(contactWith(before), { kind: 'INBOUND' }), before)).toBe('ACTIVE');
  });

  it('by contact, an agent message after the end starts a new one', () => {
    const before = standing('ENDED', 'ann');
    const outcome = deciding(contactWith(before), { kind: 'OUTBOUND', ...byAgent });
    expect(toWords(outcome, before)).toBe('started NEW');
    expect(outcome).toMatchObject({
      conversation: { id: 'new', previousId: 'conversation', startedBy: 'AGENT' },
    });
  });

  it('reopening by hand goes to the queue if nobody was assigned', () => {
    const before = standing('ENDED', null);
    expect(toWords(deciding(contactWith(before, before), { kind: 'REOPEN' }, { byId: true }), before)).toBe(
      'reopened WAITING',
    );
  });

  it('release of one that is not on hold is refused in every status', () => {
    for (const status of STATUSES) {
      const before = standing(status, 'ann');
      const words = toWords(
        deciding(contactWith(before, before), { kind: 'RELEASE' }, { byId: true }),
        before,
      );
      expect(words).toBe(status === 'ENDED' ? ENDED : REFUSED);
    }
  });

  it('PE-5 a bot message is an agent message where the policy says so', () => {
    const before = standing('WAITING', null);
    const rules = rulesWith({ botsAreAgents: true });
    const outcome = deciding(
      contactWith(before),
      { kind: 'OUTBOUND', sender: 'BOT', agentId: 'bot' },
      { rules },
    );
    expect(toWords(outcome, before)).toBe('ACTIVE');
  });

  it('SF-12 nothing is inactivated on a channel without inactive conversations', () => {
    const before = standing('ACTIVE', 'ann');
    const rules = rulesWith();
    const [web] = rules.channels.values();
    if (!web) throw new Error('no channel');
    const channels = new Map([
      ['web', { ...web, rules: { ...web.rules, bounds: { INACTIVATE: null, END_INACTIVE: null } } }],
    ]);
    const outcome = deciding(contactWith(before), { kind: 'INACTIVATE' }, { rules: { ...rules, channels } });
    expect(toWords(outcome, before)).toBe(REFUSED);
  });
});

it('the table speaks of every trigger and every status', () => {
  expect(Object.keys(TRANSITIONS).sort()).toEqual([...TRIGGERS].sort());
  for (const trigger of TRIGGERS)
    expect(Object.keys(TRANSITIONS[trigger]).sort()).toEqual([...STATUSES].sort());
});
