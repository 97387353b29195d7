import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Conversation } from '../../src/domain/conversation/conversation.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import {
  appliedTo,
  at,
  codeOf,
  contactWith,
  conversationWith,
  deciding,
  rulesWith,
} from '../support/domain.ts';

const fromAnn: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };
const fromBob: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'bob' };
const left = (
  subject: Conversation,
  action: Action,
  more: { at?: Date; now?: Date; rules?: AccountRules } = {},
) => appliedTo(deciding(contactWith(subject), action, more));

/** Each row of the design's table of activities: does it move the clock under LULL, and who is awaited then? */
const ACTIVITIES: [string, Action, 'moves' | 'stays', 'AGENT' | 'CONSUMER' | 'kept'][] = [
  ['a consumer message', { kind: 'INBOUND' }, 'moves', 'AGENT'],
  ['an agent message', fromAnn, 'moves', 'CONSUMER'],
  ['a bot message', { kind: 'OUTBOUND', sender: 'BOT' }, 'stays', 'kept'],
  ['an automation', { kind: 'OUTBOUND', sender: 'AUTOMATION' }, 'stays', 'kept'],
  ['a broadcast', { kind: 'OUTBOUND', sender: 'BROADCAST' }, 'stays', 'kept'],
  ['an own message', { kind: 'OUTBOUND', sender: 'OWN' }, 'stays', 'kept'],
  ['a case status', { kind: 'CASE_STATUS', caseStatus: 'pending' }, 'moves', 'kept'],
  ['a return to the queue', { kind: 'TO_QUEUE' }, 'moves', 'kept'],
  ['a reader who joined', { kind: 'READER_JOINED' }, 'stays', 'kept'],
  ['a reassignment', { kind: 'ASSIGN', agentId: 'bob' }, 'stays', 'kept'],
  ['a tag', { kind: 'TAG', add: ['late'], remove: [] }, 'stays', 'kept'],
  ['a change of skill', { kind: 'SKILL', skillId: 'sales' }, 'stays', 'kept'],
  ['a manual response time', { kind: 'MANUAL_RESPONSE_TIME', responseAt: at('18:00') }, 'stays', 'kept'],
  ['a comment', { kind: 'COMMENT' }, 'stays', 'kept'],
  ['a transcript viewed', { kind: 'TRANSCRIPT_VIEWED' }, 'stays', 'kept'],
  ['a receipt', { kind: 'RECEIPT', of: 'message', state: 'DELIVERED' }, 'stays', 'kept'],
  ['what a client reports', { kind: 'CLIENT', clientVersion: '2.1' }, 'stays', 'kept'],
];

describe('the reset matrix', () => {
  it.each(ACTIVITIES)('LL-10 %s, in profile LULL', (_, action, clock, awaited) => {
    const agentAwaited = conversationWith({ awaiting: 'AGENT', awaitingSince: null });
    for (const subject of [conversationWith(), agentAwaited]) {
      const next = left(subject, action);
      expect(next.lastActivityAt).toEqual(clock === 'moves' ? at('12:30') : at('11:00'));
      expect(next.awaiting).toBe(awaited === 'kept' ? subject.awaiting : awaited);
    }
  });

  it('LL-10 is data: with another matrix, other activities move the clock', () => {
    const rules = rulesWith({ resetOn: ['READER_JOINED', 'ASSIGN'] });
    const moves = (action: Action) =>
      left(conversationWith(), action, { rules }).lastActivityAt.getTime() === at('12:30').getTime();
    expect(moves({ kind: 'READER_JOINED' })).toBe(true);
    expect(moves({ kind: 'ASSIGN', agentId: 'bob' })).toBe(true);
    expect(moves({ kind: 'CASE_STATUS', caseStatus: 'pending' })).toBe(false);
    expect(moves({ kind: 'TRANSCRIPT_VIEWED' })).toBe(false);
    expect(moves({ kind: 'INBOUND' })).toBe(true);
  });

  it('the clock of inactivity never goes back', () => {
    const next = left(conversationWith({ awaiting: 'AGENT', awaitingSince: null }), fromAnn, {
      at: at('10:30'),
    });
    expect(next.lastActivityAt).toEqual(at('11:00'));
    expect(next.newestAt).toEqual(at('11:00'));
  });

  it('PE-2 whatever moves the clock starts the reminders again', () => {
    const warned = conversationWith({ stage: 2 });
    expect(left(warned, fromAnn).stage).toBe(0);
    expect(left(warned, { kind: 'INBOUND' }).stage).toBe(0);
    expect(left(warned, { kind: 'COMMENT' }).stage).toBe(2);
  });
});

describe('since when the consumer is awaited', () => {
  const agentAwaited = conversationWith({ awaiting: 'AGENT', awaitingSince: null });

  it("SF-4 from the agent's first message after the customer's last, at its own time", () => {
    expect(left(agentAwaited, fromAnn, { at: at('12:29') }).awaitingSince).toEqual(at('12:29'));
  });

  it('SF-4 later agent messages do not restart it', () => {
    expect(left(conversationWith(), fromAnn).awaitingSince).toEqual(at('11:00'));
  });

  it('SF-4 a consumer message ends it', () => {
    expect(left(conversationWith(), { kind: 'INBOUND' })).toMatchObject({
      awaiting: 'AGENT',
      awaitingSince: null,
    });
  });

  it('SF-13 only a person starts it, unless the policy takes bots for agents', () => {
    const fromBot: Action = { kind: 'OUTBOUND', sender: 'BOT' };
    expect(left(agentAwaited, fromBot).awaitingSince).toBeNull();
    const rules = rulesWith({ botsAreAgents: true });
    expect(left(agentAwaited, fromBot, { rules }).awaitingSince).toEqual(at('12:30'));
  });

  it('PE-5 what the policy says of bots may differ by skill', () => {
    const rules = rulesWith();
    const layers = [{ channelId: null, skillId: 'sales', fields: { botsAreAgents: true }, version: 2 }];
    const waiting = conversationWith({
      status: 'WAITING',
      agentId: null,
      awaiting: 'AGENT',
      awaitingSince: null,
    });
    const fromBot: Action = { kind: 'OUTBOUND', sender: 'BOT', agentId: 'bot' };
    const inSales = left({ ...waiting, skillId: 'sales' }, fromBot, { rules: { ...rules, layers } });
    expect(inSales).toMatchObject({ status: 'ACTIVE', agentId: 'bot', awaiting: 'CONSUMER' });
    const elsewhere = left({ ...waiting, skillId: 'care' }, fromBot, { rules: { ...rules, layers } });
    expect(elsewhere).toMatchObject({ status: 'WAITING', agentId: null, awaiting: 'AGENT' });
  });

  it('PE-5 and with it, who is taken to have begun a conversation', () => {
    const layers = [{ channelId: null, skillId: 'sales', fields: { botsAreAgents: true }, version: 2 }];
    const rules = { ...rulesWith(), layers };
    const start = (skillId: string): Action => ({ kind: 'OUTBOUND', sender: 'BOT', skillId });
    expect(appliedTo(deciding(contactWith(null), start('sales'), { rules })).startedBy).toBe('AGENT');
    expect(appliedTo(deciding(contactWith(null), start('care'), { rules })).startedBy).toBe('AUTOMATION');
  });
});

describe('who is assigned', () => {
  it('an agent message takes a waiting conversation, and leaves an assigned one with its agent', () => {
    const waiting = conversationWith({ status: 'WAITING', agentId: null });
    expect(left(waiting, fromBob)).toMatchObject({ status: 'ACTIVE', agentId: 'bob' });
    expect(left(conversationWith(), fromBob)).toMatchObject({ status: 'ACTIVE', agentId: 'ann' });
  });

  it('an agent message leaves a NEW one unassigned until the customer writes', () => {
    const begun = conversationWith({ status: 'NEW', agentId: null, startedBy: 'AGENT' });
    expect(left(begun, fromBob)).toMatchObject({ status: 'NEW', agentId: null });
  });

  it('a return to the queue takes the agent away', () => {
    expect(left(conversationWith(), { kind: 'TO_QUEUE' })).toMatchObject({
      status: 'WAITING',
      agentId: null,
    });
  });

  it('SF-7 a customer message to an INACTIVE one goes to the queue', () => {
    const inactive = conversationWith({ status: 'INACTIVE' });
    expect(left(inactive, { kind: 'INBOUND' })).toMatchObject({ status: 'WAITING', agentId: null });
  });

  it('SP-8 the agent assigned at the end gets the credit, and nobody if there is none', () => {
    const end: Action = { kind: 'END', by: 'SUPERVISOR', agentId: 'sue' };
    expect(left(conversationWith(), end).ending).toEqual({
      at: at('12:30'),
      reason: 'COMMAND',
      by: 'SUPERVISOR',
      creditedAgentId: 'ann',
      formerStatus: 'ACTIVE',
      rulesVersion: 1,
      latenessMs: null,
    });
    const waiting = conversationWith({ status: 'WAITING', agentId: null });
    expect(left(waiting, end).ending).toMatchObject({ creditedAgentId: null, formerStatus: 'WAITING' });
  });
});

describe('holds and promises', () => {
  it('PE-6 a hold ends in the future or is refused', () => {
    const hold = (until: Date | null) => deciding(contactWith(conversationWith()), { kind: 'HOLD', until });
    expect(codeOf(hold(at('12:30')))).toBe('INVALID_INPUT');
    expect(appliedTo(hold(at('12:30:01')))).toMatchObject({ held: true, heldUntil: at('12:30:01') });
    expect(appliedTo(hold(null))).toMatchObject({ held: true, heldUntil: null });
  });

  it('PE-6 release sets every clock that is set to now', () => {
    const held = conversationWith({ held: true, heldUntil: at('18:00') });
    expect(left(held, { kind: 'RELEASE' })).toMatchObject({
      held: false,
      heldUntil: null,
      lastActivityAt: at('12:30'),
      awaitingSince: at('12:30'),
      statusSince: at('12:30'),
    });
    const agentAwaited = { ...held, awaiting: 'AGENT', awaitingSince: null } as const;
    expect(left(agentAwaited, { kind: 'RELEASE' }).awaitingSince).toBeNull();
  });

  it('PE-6 LP-7 a consumer message ends a hold and uses up a promise', () => {
    const held = conversationWith({ held: true, heldUntil: at('18:00'), manualResponseAt: at('17:00') });
    expect(left(held, { kind: 'INBOUND' })).toMatchObject({
      held: false,
      heldUntil: null,
      manualResponseAt: null,
    });
    expect(left(held, fromAnn)).toMatchObject({ held: true, manualResponseAt: at('17:00') });
  });
});

describe('instants', () => {
  it('the status is since the acting instant, not since what was reported happened', () => {
    const waiting = conversationWith({ status: 'WAITING', agentId: null });
    expect(left(waiting, fromAnn, { at: at('12:20'), now: at('12:30') }).statusSince).toEqual(at('12:30'));
    expect(left(conversationWith(), fromAnn).statusSince).toEqual(at('11:00'));
  });

  it.each([
    ['a clock', fromAnn],
    ['a lane', { kind: 'TAG', add: ['vip'], remove: [] } satisfies Action],
    ['a skill', { kind: 'SKILL', skillId: 'sales' } satisfies Action],
  ])('LL-13 what gives it %s places it anew', (_, action) => {
    const rules = rulesWith({}, { exemptTags: new Set(['vip']) });
    expect(left(conversationWith(), action, { rules }).placedAt).toEqual(at('12:30'));
  });

  it.each([
    ['a comment', { kind: 'COMMENT' } satisfies Action],
    ['a tag that exempts from nothing', { kind: 'TAG', add: ['late'], remove: [] } satisfies Action],
    ['a receipt', { kind: 'RECEIPT', of: 'message', state: 'READ' } satisfies Action],
  ])('LL-13 %s does not hide that a close is late', (_, action) => {
    const rules = rulesWith({}, { exemptTags: new Set(['vip']) });
    expect(left(conversationWith(), action, { rules }).placedAt).toEqual(at('11:00'));
  });
});

describe('whose conversation', () => {
  const older = conversationWith({ id: 'older', status: 'ENDED' });

  it('a consumer message goes to the open one, whichever was named', () => {
    const outcome = deciding(contactWith(conversationWith(), older), { kind: 'INBOUND' }, { byId: true });
    expect(appliedTo(outcome).id).toBe('conversation');
  });

  it('a command goes to the one that was named', () => {
    const state = contactWith(conversationWith(), older);
    expect(codeOf(deciding(state, fromAnn, { byId: true }))).toBe('CONVERSATION_ENDED');
    expect(appliedTo(deciding(state, { kind: 'COMMENT' }, { byId: true })).id).toBe('older');
    expect(codeOf(deciding(state, { kind: 'REOPEN' }, { byId: true }))).toBe('NOT_ALLOWED');
  });

  it('a contact without any has nothing to tag, end or hold', () => {
    for (const action of [
      { kind: 'TAG', add: ['vip'], remove: [] },
      { kind: 'END', by: 'AGENT' },
      { kind: 'HOLD', until: null },
      { kind: 'RECEIPT', of: 'message', state: 'READ' },
    ] satisfies Action[])
      expect(codeOf(deciding(contactWith(null), action))).toBe('NOT_FOUND');
  });

  it('LL-9 an own message begins nothing', () => {
    expect(deciding(contactWith(null), { kind: 'OUTBOUND', sender: 'OWN' }).kind).toBe('ignored');
  });

  it('SF-9 an agent cannot begin a conversation where only the customer may', () => {
    const rules = rulesWith();
    const [web] = rules.channels.values();
    if (!web) throw new Error('no channel');
    const channels = new Map([['web', { ...web, rules: { ...web.rules, businessInitiated: false } }]]);
    for (const action of [fromAnn, { kind: 'START', by: 'AUTOMATION' }] satisfies Action[])
      expect(codeOf(deciding(contactWith(null), action, { rules: { ...rules, channels } }))).toBe(
        'NOT_ALLOWED',
      );
  });
});
