import type { ClockName, Conversation, LaneFacts } from '../conversation/conversation.ts';
import { factsOf, laneKey } from '../conversation/conversation.ts';
import { type AccountRules, type Settings, settingsFor } from '../policy/account-rules.ts';
import type { TimerKind } from '../policy/channel-rules.ts';
import type { Origin } from '../policy/policy.ts';
import { ALWAYS_OPEN, add, type Calendar } from './calendar.ts';
import { toMilliseconds } from './duration.ts';
import { ends, TIMER_RULES, type TimerAction } from './timer-rules.ts';

/** A timer of one lane: a conversation is due when `afterMs` of counted time have passed since `clock`. */
export type Timer = {
  kind: TimerKind;
  clock: ClockName;
  /** Counted time from the clock to the due instant, in whole milliseconds. */
  afterMs: number;
  /** Clocks before this instant are never due, because the timer was enabled then (SP-6). */
  notBefore: Date | null;
  calendar: Calendar;
  action: TimerAction;
  /** The origin of the threshold; null if no layer can set it. */
  origin: Origin | null;
};

const memo = new WeakMap<AccountRules, Map<string, readonly Timer[]>>();

/**
 * The timers of a lane, those that end first: a conversation that is due to close is not reminded. Of two that end
 * at the same instant the earlier in the list is recorded, so AUTO_CLOSE comes before PROTECT.
 */
export function timersFor(rules: AccountRules, facts: LaneFacts): readonly Timer[] {
  const known = memo.get(rules) ?? new Map<string, readonly Timer[]>();
  memo.set(rules, known);
  const key = laneKey(facts);
  let timers = known.get(key);
  if (!timers) {
    const all = reckon(rules, facts, settingsFor(rules, facts.channelId, facts.skillId));
    timers = [...all.filter(endsIt), ...all.filter((timer) => !endsIt(timer))];
    known.set(key, timers);
  }
  return timers;
}

/** The conditions for a timer to run: on its lane, then on the conversation's own clock. */
export const GUARDS = [
  'CHANNEL_HAS_IT',
  'SWITCHED_ON',
  'HELD',
  'NOT_HELD',
  'NOT_EXEMPT',
  'STATUS_MATCHES',
  'AWAITED_MATCHES',
  'CASE_STATUS_MATCHES',
  'CAN_REQUEUE',
  'NO_MANUAL_RESPONSE',
  'REMINDER_IS_LEFT',
  'CAN_OVERFLOW',
  'NOT_PAUSED',
  'NOT_SET_ASIDE',
  'CLOCK_IS_SET',
  'SINCE_ENABLED',
  'TIME_RUNS',
] as const;
export type GuardName = (typeof GUARDS)[number];
/** A condition, and whether it holds. */
export type Guard = { name: GuardName; passes: boolean };
/** A timer that a lane could have, and the conditions that decide whether it does. */
export type Candidate = { timer: Timer; guards: readonly Guard[] };

function reckon(rules: AccountRules, facts: LaneFacts, settings: Settings): Timer[] {
  return candidatesFor(rules, facts, settings)
    .filter(({ guards }) => guards.every(({ passes }) => passes))
    .map(({ timer }) => timer);
}

/** Every timer with all its conditions on a lane (LL-1). */
export function candidatesFor(rules: AccountRules, facts: LaneFacts, settings: Settings): Candidate[] {
  const { policy, origins, enabledSince, channel } = settings;
  const guarded = (timer: Timer, passes: Partial<Record<GuardName, boolean>>): Candidate => {
    const all = { ...passes, ...(endsIt(timer) ? { NOT_PAUSED: !channel.paused } : {}) };
    return {
      timer,
      guards: Object.entries(all).map(([name, is]) => ({ name: name as GuardName, passes: is })),
    };
  };
  const candidates = [guarded(RELEASE_HOLD, { HELD: facts.held })];
  for (const rule of TIMER_RULES) {
    const timer: Timer = {
      kind: rule.kind,
      clock: rule.clock,
      afterMs: toMilliseconds(rule.after(policy, facts)),
      notBefore: enabledSince(rule.switch, facts.caseStatus),
      calendar: channel.calendar,
      action: rule.action(policy),
      origin: origins[rule.field],
    };
    const passes: Partial<Record<GuardName, boolean>> = {
      CHANNEL_HAS_IT: channel.rules.bounds[rule.kind] !== null,
      SWITCHED_ON: policy[rule.switch],
      NOT_HELD: !facts.held,
      NOT_EXEMPT: !facts.exempt,
    };
    for (const [name, holds] of Object.entries(rule.guards)) passes[name as GuardName] = holds(facts, policy);
    candidates.push(guarded(timer, passes));
  }
  if (rules.profile.protectAfter)
    candidates.push(
      guarded(
        {
          kind: 'PROTECT',
          clock: 'lastActivityAt',
          afterMs: toMilliseconds(rules.profile.protectAfter),
          notBefore: null,
          calendar: channel.wallCalendar,
          action: ends('PROTECTION', policy),
          origin: null,
        },
        { CHANNEL_HAS_IT: channel.rules.bounds.PROTECT !== null },
      ),
    );
  return candidates;
}

/** The end of a hold is at its instant, whatever the calendar. */
const RELEASE_HOLD: Timer = {
  kind: 'RELEASE_HOLD',
  clock: 'heldUntil',
  afterMs: 0,
  notBefore: null,
  calendar: ALWAYS_OPEN,
  action: { does: 'RELEASE' },
  origin: null,
};

/** When a timer is due for a clock; null: never, under these rules. */
export function dueOn(timer: Timer, clock: Date | null): Date | null {
  if (clock === null || !isSinceEnabled(timer, clock)) return null;
  return add(timer.calendar, clock, timer.afterMs);
}

/**
 * The conditions of a timer on a conversation's own clock, besides those on its lane (LL-1). It is due if all
 * hold.
 */
export function clockGuards(timer: Timer, clock: Date | null): Guard[] {
  const set: Guard = { name: 'CLOCK_IS_SET', passes: clock !== null };
  if (clock === null) return [set];
  return [
    set,
    { name: 'SINCE_ENABLED', passes: isSinceEnabled(timer, clock) },
    { name: 'TIME_RUNS', passes: add(timer.calendar, clock, timer.afterMs) !== null },
  ];
}

/** Switching a timer on closes no backlog (SP-6). */
function isSinceEnabled({ notBefore }: Timer, clock: Date): boolean {
  return notBefore === null || clock >= notBefore;
}

/** A timer with its due instant. */
export type Due = { timer: Timer; at: Date };

/** Every timer of a conversation with a due instant under these rules; none once it has ended. */
export function duesOf(rules: AccountRules, conversation: Conversation): Due[] {
  const facts = factsOf(conversation, rules.exemptTags);
  const dues: Due[] = [];
  for (const timer of facts === null ? [] : timersFor(rules, facts)) {
    const at = dueOn(timer, conversation[timer.clock]);
    if (at !== null) dues.push({ timer, at });
  }
  return dues;
}

/**
 * The earliest of these that `wanted` accepts, and of two at the same instant the first; null if there is none.
 */
export function earliest(dues: readonly Due[], wanted: (timer: Timer) => boolean = () => true): Due | null {
  let next: Due | null = null;
  for (const due of dues) if (wanted(due.timer) && (next === null || due.at < next.at)) next = due;
  return next;
}

/**
 * The earliest due timer of a conversation that `wanted` accepts; null if there is none (PE-1). It may lie in the
 * past: after a change of rules, before the wake.
 */
export function nextDue(
  rules: AccountRules,
  conversation: Conversation,
  wanted?: (timer: Timer) => boolean,
): Due | null {
  return earliest(duesOf(rules, conversation), wanted);
}

/** Whether a timer ends the conversation. `endsAt` considers only these. */
export function endsIt(timer: Timer): boolean {
  return timer.action.does === 'END';
}
