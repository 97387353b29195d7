import { describe, expect, it } from 'vitest';
import {
  AWAITED,
  clocksOf,
  factsOf,
  type LaneFacts,
  STATUSES,
} from '../../src/domain/conversation/conversation.ts';
import { firingOf, latenessMs } from '../../src/domain/conversation/fire-timer.ts';
import type { AccountRules, ChannelSetup } from '../../src/domain/policy/account-rules.ts';
import { LULL } from '../../src/domain/policy/profiles.ts';
import { buildCalendar } from '../../src/domain/time/calendar.ts';
import { fromMilliseconds } from '../../src/domain/time/duration.ts';
import { dueOn, endsIt, nextDue, timersFor } from '../../src/domain/time/timers.ts';
import { at, conversationWith, rulesWith } from '../support/domain.ts';

const OPEN = STATUSES.filter((status) => status !== 'ENDED');
const NO_FACTS: LaneFacts = {
  channelId: 'web',
  skillId: null,
  status: 'ACTIVE',
  awaiting: 'CONSUMER',
  caseStatus: null,
  held: false,
  manualResponseTime: false,
  exempt: false,
  stage: 0,
  overflowed: false,
};
const ALL_ON = {
  autoCloseAfter: 'PT2H',
  remindBefore: ['PT30M', 'PT10M'],
  inactivate: true,
  inactivateAfter: 'PT10M',
  queueTimeout: true,
  queueTimeoutAfter: 'PT1H',
};
const inWords = (rules: AccountRules, facts: Partial<LaneFacts>) =>
  timersFor(rules, { ...NO_FACTS, ...facts }).map(
    ({ kind, clock, afterMs }) => `${kind} ${clock} ${fromMilliseconds(afterMs)}`,
  );
const withChannel = (rules: AccountRules, change: Partial<ChannelSetup>): AccountRules => {
  const [web] = rules.channels.values();
  if (!web) throw new Error('no channel');
  return { ...rules, channels: new Map([['web', { ...web, ...change }]]) };
};

const AUTO_CLOSE = 'AUTO_CLOSE lastActivityAt PT2H';
const REMIND = 'REMIND lastActivityAt PT1H30M';
const INACTIVATE = 'INACTIVATE awaitingSince PT10M';
const END_INACTIVE = 'END_INACTIVE statusSince P1D';
const END_UNANSWERED = 'END_UNANSWERED awaitingSince P2D';
const QUEUE_TIMEOUT = 'QUEUE_TIMEOUT statusSince PT1H';
const RELEASE_HOLD = 'RELEASE_HOLD heldUntil PT0S';
const PROTECT = 'PROTECT lastActivityAt P90D';

describe('which timers a lane has', () => {
  it.each<[string, Partial<LaneFacts>, string[]]>([
    ['ACTIVE, the consumer awaited', {}, [AUTO_CLOSE, PROTECT, REMIND, INACTIVATE]],
    ['ACTIVE, the agent awaited (LP-6)', { awaiting: 'AGENT' }, [PROTECT]],
    [
      'WAITING, the consumer awaited (LP-13)',
      { status: 'WAITING' },
      [AUTO_CLOSE, QUEUE_TIMEOUT, PROTECT, REMIND],
    ],
    [
      'WAITING, the agent awaited (PE-10)',
      { status: 'WAITING', awaiting: 'AGENT' },
      [QUEUE_TIMEOUT, PROTECT],
    ],
    ['NEW (SF-9)', { status: 'NEW' }, [END_UNANSWERED, PROTECT]],
    ['INACTIVE (SF-8)', { status: 'INACTIVE' }, [END_INACTIVE, PROTECT]],
    ['held (PE-6)', { held: true }, [PROTECT, RELEASE_HOLD]],
    ['held and exempt', { held: true, exempt: true }, [PROTECT, RELEASE_HOLD]],
    ['exempt (PE-7)', { exempt: true }, [PROTECT]],
    ['with a manual response time (LP-7)', { manualResponseTime: true }, [PROTECT, INACTIVATE]],
    [
      'reminded once (PE-2)',
      { stage: 1 },
      [AUTO_CLOSE, PROTECT, 'REMIND lastActivityAt PT1H50M', INACTIVATE],
    ],
    ['reminded as often as there are reminders', { stage: 2 }, [AUTO_CLOSE, PROTECT, INACTIVATE]],
  ])('%s', (_, facts, expected) => {
    expect(inWords(rulesWith(ALL_ON), facts)).toEqual(expected);
  });

  it.each<[string, Record<string, unknown>, Partial<LaneFacts>, string[]]>([
    ['SP-2 AUTO_CLOSE and its reminders can be off', { autoClose: false }, {}, [PROTECT, INACTIVATE]],
    [
      'LP-6 it can run whoever is awaited',
      { autoCloseAwaiting: 'ANYBODY' },
      { awaiting: 'AGENT' },
      [AUTO_CLOSE, PROTECT, REMIND],
    ],
    [
      'LP-7 the exemption by a manual response time can be off',
      { exemptManualResponseTime: false },
      { manualResponseTime: true },
      [AUTO_CLOSE, PROTECT, REMIND, INACTIVATE],
    ],
    [
      'LP-13 WAITING may not be among the statuses',
      { autoCloseStatuses: ['ACTIVE'] },
      { status: 'WAITING' },
      [QUEUE_TIMEOUT, PROTECT],
    ],
    [
      'SP-4 only for the case statuses that were picked',
      { autoCloseCaseStatuses: ['pending'] },
      { caseStatus: 'solved' },
      [PROTECT, INACTIVATE],
    ],
    [
      'SP-4 and not for conversations without one',
      { autoCloseCaseStatuses: ['pending'] },
      {},
      [PROTECT, INACTIVATE],
    ],
    [
      'SP-4 but for one that has it',
      { autoCloseCaseStatuses: ['pending'] },
      { caseStatus: 'pending' },
      [AUTO_CLOSE, PROTECT, REMIND, INACTIVATE],
    ],
    [
      'PE-9 a close that holds ends nothing',
      { autoCloseThen: 'HOLD' },
      {},
      [PROTECT, AUTO_CLOSE, REMIND, INACTIVATE],
    ],
    [
      'PE-2 a reminder that would come before its clock is left out',
      { autoCloseAfter: 'PT20M' },
      {},
      ['AUTO_CLOSE lastActivityAt PT20M', PROTECT, 'REMIND lastActivityAt PT10M', INACTIVATE],
    ],
    ['SF-8 END_INACTIVE can be off', { endInactive: false }, { status: 'INACTIVE' }, [PROTECT]],
    ['SF-9 END_UNANSWERED can be off', { endUnanswered: false }, { status: 'NEW' }, [PROTECT]],
    [
      'PE-10 into the overflow skill',
      { queueTimeoutThen: 'OVERFLOW', overflowSkillId: 'care' },
      { status: 'WAITING', awaiting: 'AGENT' },
      [PROTECT, QUEUE_TIMEOUT],
    ],
    [
      'PE-10 once only',
      { queueTimeoutThen: 'OVERFLOW', overflowSkillId: 'care' },
      { status: 'WAITING', awaiting: 'AGENT', overflowed: true },
      [PROTECT],
    ],
    [
      'PE-10 and not from that skill itself',
      { queueTimeoutThen: 'OVERFLOW', overflowSkillId: 'care' },
      { status: 'WAITING', awaiting: 'AGENT', skillId: 'care' },
      [PROTECT],
    ],
  ])('%s', (_, fields, facts, expected) => {
    expect(inWords(rulesWith({ ...ALL_ON, ...fields }), facts)).toEqual(expected);
  });

  it('SF-2 a channel without a state has no timer for it', () => {
    const rules = rulesWith(ALL_ON);
    const [web] = rules.channels.values();
    if (!web) throw new Error('no channel');
    const without = withChannel(rules, {
      rules: { ...web.rules, bounds: { INACTIVATE: null, QUEUE_TIMEOUT: null } },
    });
    expect(inWords(without, {})).toEqual([AUTO_CLOSE, PROTECT, REMIND]);
    expect(inWords(without, { status: 'WAITING', awaiting: 'AGENT' })).toEqual([PROTECT]);
  });

  it('LL-15 a pause takes away whatever ends, and nothing else', () => {
    const paused = withChannel(rulesWith(ALL_ON), { paused: true });
    expect(inWords(paused, {})).toEqual([REMIND, INACTIVATE]);
    expect(inWords(paused, { held: true })).toEqual([RELEASE_HOLD]);
  });

  it('a timer runs on no other clock than those that its lane is known for', () => {
    const everything = { ...ALL_ON, autoCloseStatuses: [...OPEN], autoCloseAwaiting: 'ANYBODY' };
    for (const status of OPEN)
      for (const awaiting of AWAITED)
        for (const held of [true, false]) {
          const facts = { ...NO_FACTS, status, awaiting, held };
          for (const timer of timersFor(rulesWith(everything), facts))
            expect(clocksOf(facts)).toContain(timer.clock);
        }
  });

  it('a profile may have no protection', () => {
    expect(
      inWords(rulesWith({}, { profile: { ...LULL, protectAfter: null } }), { awaiting: 'AGENT' }),
    ).toEqual([]);
  });
});

describe('when a conversation is due', () => {
  it('PE-1 the earliest timer, with what it does and where its time comes from', () => {
    const rules = rulesWith(ALL_ON);
    const conversation = conversationWith({ awaitingSince: at('10:55') });
    expect(nextDue(rules, conversation)).toMatchObject({
      at: at('11:05'),
      timer: { kind: 'INACTIVATE', action: { does: 'INACTIVATE' }, origin: { scope: 'ACCOUNT' } },
    });
    expect(nextDue(rules, conversation, endsIt)).toMatchObject({
      at: at('13:00'),
      timer: { kind: 'AUTO_CLOSE' },
    });
  });

  it('LP-8 idle for 2 h, last active at 13:00, it is due at 15:00:00', () => {
    const due = nextDue(
      rulesWith({ autoCloseAfter: 'PT2H' }),
      conversationWith({ lastActivityAt: at('13:00') }),
    );
    expect(due?.at).toEqual(at('15:00:00'));
  });

  it('LP-11 of two due at the same instant AUTO_CLOSE is recorded, not the protection', () => {
    expect(nextDue(rulesWith(), conversationWith())).toMatchObject({ timer: { kind: 'AUTO_CLOSE' } });
  });

  it('an ended conversation is never due', () => {
    expect(nextDue(rulesWith(), conversationWith({ status: 'ENDED' }))).toBeNull();
  });

  it('LL-7 an outage without an end gives no due time', () => {
    const calendar = buildCalendar(null, [{ from: at('12:00'), until: null }]);
    const rules = withChannel(rulesWith({ autoCloseAfter: 'PT2H' }), { calendar, wallCalendar: calendar });
    expect(nextDue(rules, conversationWith({ lastActivityAt: at('11:00') }))).toBeNull();
    expect(nextDue(rules, conversationWith({ lastActivityAt: at('10:00') }))?.at).toEqual(at('12:00'));
  });

  it('SP-6 a clock from before the timer was switched on never falls due', () => {
    const history = [
      { at: at('09:00'), layer: { channelId: null, skillId: null, fields: { autoClose: false } } },
      { at: at('11:30'), layer: { channelId: null, skillId: null, fields: { autoClose: true } } },
    ];
    const rules = rulesWith({ autoClose: true, autoCloseAfter: 'PT2H' }, { history });
    expect(nextDue(rules, conversationWith({ lastActivityAt: at('11:29:59.999') }))?.timer.kind).toBe(
      'PROTECT',
    );
    expect(nextDue(rules, conversationWith({ lastActivityAt: at('11:30') }))?.at).toEqual(at('13:30'));
    const [timer] = timersFor(rules, NO_FACTS);
    expect(timer && dueOn(timer, null)).toBeNull();
  });
});

describe('what a timer does', () => {
  it('one that does not end moves the clock it fired on, or the stage, so that it cannot fire twice', () => {
    const everything = [
      rulesWith({ ...ALL_ON, autoCloseThen: 'HOLD', queueTimeoutThen: 'OVERFLOW', overflowSkillId: 'care' }),
    ];
    const lanes: Partial<LaneFacts>[] = [{}, { status: 'WAITING' }, { held: true }];
    const moving = everything
      .flatMap((rules) =>
        lanes.flatMap((facts) =>
          timersFor(rules, { ...NO_FACTS, ...facts }).map((timer) => ({
            timer,
            facts: { ...NO_FACTS, ...facts },
          })),
        ),
      )
      .filter(({ timer }) => !endsIt(timer));
    expect(new Set(moving.map(({ timer }) => timer.action.does))).toEqual(
      new Set(['HOLD', 'REMIND', 'INACTIVATE', 'OVERFLOW', 'RELEASE']),
    );
    for (const { timer, facts } of moving) {
      const firing = firingOf(timer, facts);
      if (timer.action.does === 'REMIND') expect(firing.facts?.stage).toBe(facts.stage + 1);
      else if (timer.action.does === 'RELEASE') expect(firing.clocks.heldUntil).toBe('NONE');
      else expect(firing.clocks[timer.clock]).toBe('NOW');
      expect(firing.facts).not.toEqual(facts);
    }
  });

  it('LL-13 lateness counts from the last of due, rules in force and placing, and is never negative', () => {
    const late = (due: string, since: string, placed: string) =>
      latenessMs(at('12:00:01'), at(due), at(since), at(placed));
    expect(late('12:00', '11:00', '11:00')).toBe(1000);
    expect(late('11:00', '12:00:00.500', '11:30')).toBe(500);
    expect(late('11:00', '11:30', '12:00:00.900')).toBe(100);
    expect(late('12:00:02', '11:00', '11:00')).toBe(0);
  });

  it('facts that agree share their timers, as one object', () => {
    const rules = rulesWith(ALL_ON);
    const facts = factsOf(conversationWith(), rules.exemptTags);
    expect(facts).toEqual(NO_FACTS);
    expect(facts && timersFor(rules, facts)).toBe(timersFor(rules, { ...NO_FACTS }));
  });
});
