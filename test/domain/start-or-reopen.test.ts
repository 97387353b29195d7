import { describe, expect, it } from 'vitest';
import type { EndReason } from '../../src/domain/closing/closing.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Conversation, Ending } from '../../src/domain/conversation/conversation.ts';
import type { DecideContext } from '../../src/domain/conversation/outcome.ts';
import {
  appliedTo,
  at,
  codeOf,
  contactWith,
  conversationWith,
  deciding,
  endingWith,
  rulesWith,
} from '../support/domain.ts';

const DAY = 24 * 60 * 60_000;
const INBOUND: Action = { kind: 'INBOUND' };
const FROM_ANN: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };

/** Ended at 12:00, by AUTO_CLOSE as it was ACTIVE with Ann, unless told otherwise. */
function ended(ending: Partial<Ending> = {}, facts: Partial<Conversation> = {}): Conversation {
  return conversationWith({ status: 'ENDED', ending: endingWith(ending), ...facts });
}
const byHand = { reason: 'COMMAND', by: 'AGENT', latenessMs: null } as const;
const arrives = (last: Conversation, sent: Date, more: Partial<DecideContext> = {}) =>
  deciding(contactWith(last), INBOUND, { at: sent, now: sent, ...more });

describe('a message sent before an automatic end and delivered after it', () => {
  it.each(['AUTO_CLOSE', 'UNANSWERED', 'PROTECTION', 'INACTIVE', 'QUEUE_TIMEOUT'] satisfies EndReason[])(
    'LL-2 revokes the end by %s',
    (reason) => {
      const outcome = arrives(ended({ reason }), at('11:59'), { now: at('12:05') });
      expect(outcome).toMatchObject({ event: { effect: 'REVOKED', kind: 'INBOUND' } });
      expect(appliedTo(outcome)).toMatchObject({
        id: 'conversation',
        status: 'ACTIVE',
        agentId: 'ann',
        awaiting: 'AGENT',
        awaitingSince: null,
        ending: null,
        lastActivityAt: at('11:59'),
        statusSince: at('12:05'),
        placedAt: at('12:05'),
      });
    },
  );

  it.each([
    ['ACTIVE', 'ann', 'ACTIVE', 'ann'],
    ['WAITING', null, 'WAITING', null],
    ['NEW', null, 'WAITING', null],
    ['NEW', 'ann', 'ACTIVE', 'ann'],
    ['INACTIVE', 'ann', 'WAITING', null],
  ] as const)(
    'LL-2 one that was %s (agent: %s) is then as the message would have left it',
    (formerStatus, agentId, status, assigned) => {
      const last = ended({ formerStatus }, { agentId });
      const revoked = appliedTo(arrives(last, at('11:59'), { now: at('12:05') }));
      expect(revoked).toMatchObject({ status, agentId: assigned, awaiting: 'AGENT', ending: null });
    },
  );

  it('LL-2 revokes in the very instant of the end, and not a millisecond later', () => {
    const rules = rulesWith({ reopenWithin: 'PT0S' });
    const effectOf = (sent: Date) => arrives(ended(), sent, { rules, now: at('12:30') });
    expect(effectOf(at('12:00'))).toMatchObject({ event: { effect: 'REVOKED' } });
    expect(effectOf(at('12:00:00.001'))).toMatchObject({ event: { effect: 'STARTED' } });
  });

  it('LL-2 revokes within 24 hours of the end, even where nothing is ever reopened', () => {
    const rules = rulesWith({ reopenWithin: 'PT0S' });
    const delivered = (now: Date) => arrives(ended(), at('11:59'), { rules, now });
    const day = at('12:00').getTime() + DAY;
    expect(delivered(new Date(day))).toMatchObject({ event: { effect: 'REVOKED' } });
    expect(delivered(new Date(day + 1))).toMatchObject({ event: { effect: 'STARTED' } });
  });

  it('LL-2 does not revoke what somebody ended on purpose', () => {
    const rules = rulesWith({ reopenWithin: 'PT0S' });
    const outcome = arrives(ended(byHand), at('11:59'), { rules, now: at('12:05') });
    expect(outcome).toMatchObject({
      event: { effect: 'STARTED' },
      conversation: { previousId: 'conversation' },
    });
  });

  it('LL-2 a hold, a promise and the end are over; tags and skill stay', () => {
    const last = ended({}, { held: true, manualResponseAt: at('18:00'), tags: ['vip'], skillId: 'sales' });
    expect(appliedTo(arrives(last, at('11:59'), { now: at('12:05') }))).toMatchObject({
      held: false,
      manualResponseAt: null,
      tags: ['vip'],
      skillId: 'sales',
    });
  });
});

describe('a message sent after the end', () => {
  const days = (count: number) => new Date(at('12:00').getTime() + count * DAY);

  it('SP-7 reopens the same conversation within the window, whoever closed it', () => {
    for (const last of [ended(), ended(byHand), ended({ reason: 'SUPERSEDED', latenessMs: null })])
      expect(arrives(last, days(4))).toMatchObject({
        event: { effect: 'REOPENED' },
        conversation: {
          id: 'conversation',
          status: 'WAITING',
          agentId: null,
          awaiting: 'AGENT',
          ending: null,
        },
      });
  });

  it('PE-11 the window is a setting, its end included; after it, a linked new one', () => {
    const rules = rulesWith({ reopenWithin: 'P30D' });
    expect(arrives(ended(), days(30), { rules })).toMatchObject({ event: { effect: 'REOPENED' } });
    const later = new Date(days(30).getTime() + 1);
    expect(arrives(ended(), later, { rules })).toMatchObject({
      event: { effect: 'STARTED' },
      conversation: { id: 'new', previousId: 'conversation', status: 'WAITING', startedBy: 'CUSTOMER' },
    });
  });

  it('PE-11 with a window of nothing it is always a new one', () => {
    const rules = rulesWith({ reopenWithin: 'PT0S' });
    const outcome = arrives(ended(), at('12:00:00.001'), { rules });
    expect(appliedTo(outcome)).toMatchObject({ id: 'new', previousId: 'conversation' });
  });

  it('SP-7 goes to the last agent if available, else to the queue', () => {
    const asked: string[] = [];
    const isAvailable = (agentId: string) => asked.push(agentId) > 0;
    const reopened = appliedTo(arrives(ended(), at('12:30'), { isAvailable }));
    expect(reopened).toMatchObject({ status: 'ACTIVE', agentId: 'ann', awaiting: 'AGENT' });
    expect(asked).toEqual(['ann']);
    expect(appliedTo(arrives(ended(), at('12:30'), { isAvailable: () => false }))).toMatchObject({
      status: 'WAITING',
      agentId: null,
    });
  });

  it('SP-7 reminders, overflow and hold begin anew', () => {
    const last = ended({}, { stage: 2, overflowed: true, held: true, heldUntil: at('18:00') });
    expect(appliedTo(arrives(last, at('12:30')))).toMatchObject({
      stage: 0,
      overflowed: false,
      held: false,
      heldUntil: null,
    });
  });

  it('SF-11 an opt-out is never reopened, nor is anything on a channel that cannot', () => {
    const optedOut = ended({ reason: 'OPT_OUT', by: 'CUSTOMER', latenessMs: null });
    expect(arrives(optedOut, at('12:30'))).toMatchObject({ event: { effect: 'STARTED' } });
    const rules = rulesWith();
    const [web] = rules.channels.values();
    if (!web) throw new Error('no channel');
    const channels = new Map([['web', { ...web, rules: { ...web.rules, canReopen: false } }]]);
    const closed = { rules: { ...rules, channels } };
    expect(arrives(ended(), at('12:30'), closed)).toMatchObject({ event: { effect: 'STARTED' } });
    const byId = { byId: true, ...closed };
    expect(codeOf(deciding(contactWith(ended()), { kind: 'REOPEN' }, byId))).toBe('NOT_ALLOWED');
  });
});

describe('what the business sends after the end', () => {
  it('starts a new one by contact, linked to the last, and none by id', () => {
    expect(deciding(contactWith(ended()), FROM_ANN)).toMatchObject({
      event: { effect: 'STARTED' },
      conversation: { id: 'new', previousId: 'conversation', status: 'NEW', awaiting: 'CONSUMER' },
    });
    expect(codeOf(deciding(contactWith(ended(), ended()), FROM_ANN, { byId: true }))).toBe(
      'CONVERSATION_ENDED',
    );
  });

  it('a start by automation awaits the consumer since its time', () => {
    const begun = appliedTo(
      deciding(contactWith(null), { kind: 'START', by: 'AUTOMATION' }, { at: at('12:20') }),
    );
    expect(begun).toMatchObject({
      status: 'NEW',
      startedBy: 'AUTOMATION',
      awaiting: 'CONSUMER',
      awaitingSince: at('12:20'),
      startedAt: at('12:20'),
    });
  });

  it('LL-9 an own message is recorded on the ended one and opens nothing', () => {
    const outcome = deciding(contactWith(ended()), { kind: 'OUTBOUND', sender: 'OWN' });
    expect(outcome).toMatchObject({
      event: { effect: null },
      conversation: { id: 'conversation', status: 'ENDED', lastActivityAt: at('11:00') },
    });
  });

  it('an ended conversation keeps its end and its clocks whatever is noted on it', () => {
    const noted = appliedTo(deciding(contactWith(ended()), { kind: 'CASE_STATUS', caseStatus: 'solved' }));
    expect(noted).toMatchObject({ status: 'ENDED', lastActivityAt: at('11:00'), ending: endingWith() });
  });
});
