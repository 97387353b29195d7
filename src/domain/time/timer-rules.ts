import type { Temporal } from 'temporal-polyfill';
import type { EndReason } from '../closing/closing.ts';
import type { ClockName, LaneFacts } from '../conversation/conversation.ts';
import type { TimerKind } from '../policy/channel-rules.ts';
import { type Policy, type PolicyField, picks, type SwitchField } from '../policy/policy.ts';
import { toMilliseconds } from './duration.ts';

/** The action of a timer. */
export type TimerAction =
  | { does: 'END'; reason: EndReason /** Added to its tags (PE-3). */; tag: string | null }
  | { does: 'HOLD' }
  | { does: 'TO_QUEUE' }
  | { does: 'INACTIVATE' }
  | { does: 'REMIND' }
  | { does: 'OVERFLOW'; skillId: string }
  | { does: 'RELEASE' };

/** Named conditions of a timer that depend only on a lane's facts and the policy. */
type TimerGuards = Partial<Record<FactGuard, (facts: LaneFacts, policy: Policy) => boolean>>;
type FactGuard =
  | 'STATUS_MATCHES'
  | 'AWAITED_MATCHES'
  | 'CASE_STATUS_MATCHES'
  | 'CAN_REQUEUE'
  | 'NO_MANUAL_RESPONSE'
  | 'REMINDER_IS_LEFT'
  | 'CAN_OVERFLOW';

/** A timer that policies set: the lanes that have it, its threshold, and its action. */
export type TimerRule = {
  kind: TimerKind;
  clock: ClockName;
  /** The field that switches it on. */
  switch: SwitchField;
  /** The field with its threshold. */
  field: PolicyField;
  /**
   * The conditions for a lane to have it, besides its switch. Held and exempt lanes have none of these timers.
   */
  guards: TimerGuards;
  after: (policy: Policy, facts: LaneFacts) => Temporal.Duration;
  action: (policy: Policy) => TimerAction;
};

const AUTO_CLOSES: TimerGuards = {
  STATUS_MATCHES: (facts, policy) => policy.autoCloseStatuses.includes(facts.status),
  AWAITED_MATCHES: (facts, policy) => policy.autoCloseAwaiting === 'ANYBODY' || facts.awaiting === 'CONSUMER',
  CASE_STATUS_MATCHES: (facts, policy) => picks(policy.autoCloseCaseStatuses, facts.caseStatus),
  // A conversation in the queue cannot be returned to it.
  CAN_REQUEUE: (facts, policy) =>
    policy.autoCloseThen !== 'TO_QUEUE' || (facts.status !== 'WAITING' && facts.status !== 'NEW'),
  NO_MANUAL_RESPONSE: (facts, policy) => !(policy.exemptManualResponseTime && facts.manualResponseTime),
};

/** The timers that policies set. RELEASE_HOLD and PROTECT follow from a hold and from the profile. */
export const TIMER_RULES: readonly TimerRule[] = [
  {
    kind: 'AUTO_CLOSE',
    clock: 'lastActivityAt',
    switch: 'autoClose',
    field: 'autoCloseAfter',
    guards: AUTO_CLOSES,
    after: (policy) => policy.autoCloseAfter,
    action: (policy) =>
      policy.autoCloseThen === 'END' ? ends('AUTO_CLOSE', policy) : { does: policy.autoCloseThen },
  },
  {
    kind: 'REMIND',
    clock: 'lastActivityAt',
    switch: 'autoClose',
    field: 'remindBefore',
    guards: {
      ...AUTO_CLOSES,
      REMINDER_IS_LEFT: (facts, policy) => facts.stage < reminders(policy).length,
    },
    after: (policy, facts) =>
      policy.autoCloseAfter.subtract(reminders(policy)[facts.stage] ?? policy.autoCloseAfter),
    action: () => ({ does: 'REMIND' }),
  },
  {
    kind: 'INACTIVATE',
    clock: 'awaitingSince',
    switch: 'inactivate',
    field: 'inactivateAfter',
    guards: {
      STATUS_MATCHES: (facts) => facts.status === 'ACTIVE',
      AWAITED_MATCHES: (facts) => facts.awaiting === 'CONSUMER',
    },
    after: (policy) => policy.inactivateAfter,
    action: () => ({ does: 'INACTIVATE' }),
  },
  {
    kind: 'END_INACTIVE',
    clock: 'statusSince',
    switch: 'endInactive',
    field: 'endInactiveAfter',
    guards: { STATUS_MATCHES: (facts) => facts.status === 'INACTIVE' },
    after: (policy) => policy.endInactiveAfter,
    action: (policy) => ends('INACTIVE', policy),
  },
  {
    kind: 'END_UNANSWERED',
    clock: 'awaitingSince',
    switch: 'endUnanswered',
    field: 'endUnansweredAfter',
    guards: { STATUS_MATCHES: (facts) => facts.status === 'NEW' },
    after: (policy) => policy.endUnansweredAfter,
    action: (policy) => ends('UNANSWERED', policy),
  },
  {
    kind: 'QUEUE_TIMEOUT',
    clock: 'statusSince',
    switch: 'queueTimeout',
    field: 'queueTimeoutAfter',
    guards: {
      STATUS_MATCHES: (facts) => facts.status === 'WAITING',
      // It overflows once, and not to its own skill.
      CAN_OVERFLOW: (facts, policy) =>
        overflowTo(policy) === null || (!facts.overflowed && overflowTo(policy) !== facts.skillId),
    },
    after: (policy) => policy.queueTimeoutAfter,
    action: (policy) => {
      const skillId = overflowTo(policy);
      return skillId === null ? ends('QUEUE_TIMEOUT', policy) : { does: 'OVERFLOW', skillId };
    },
  },
];

/** The action of a timer that ends. */
export function ends(reason: EndReason, { tagOnClose }: Policy): TimerAction {
  return { does: 'END', reason, tag: tagOnClose };
}

/** The reminders that come before the close. Another layer may have shortened it below a reminder. */
function reminders(policy: Policy): readonly Temporal.Duration[] {
  const closeMs = toMilliseconds(policy.autoCloseAfter);
  return policy.remindBefore.filter((before) => toMilliseconds(before) < closeMs);
}

function overflowTo(policy: Policy): string | null {
  return policy.queueTimeoutThen === 'OVERFLOW' ? policy.overflowSkillId : null;
}
