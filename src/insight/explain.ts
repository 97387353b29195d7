import type { StoredConversation } from '../db/rows/conversations.ts';
import { activityOf, resets } from '../domain/conversation/activity.ts';
import { CLOCKS, type ClockName, type Conversation, factsOf } from '../domain/conversation/conversation.ts';
import { commandOf, type Event } from '../domain/conversation/event.ts';
import { type AccountRules, settingsFor } from '../domain/policy/account-rules.ts';
import type { Policy } from '../domain/policy/policy.ts';
import {
  candidatesFor,
  clockGuards,
  type Due,
  dueOn,
  type Guard,
  nextDue,
  type Timer,
} from '../domain/time/timers.ts';
import type { Step } from './feed.ts';

/** The reasons why a timer is due when it is, or is not due. */
export type TimerExplanation = {
  timer: Timer;
  /** The value of its clock; null if the clock is not running. */
  clockAt: Date | null;
  /** The event that set its clock; null if it is not in the feed. */
  movedBy: Event | null;
  /** Null unless every guard passes. */
  dueAt: Date | null;
  guards: Guard[];
};

/** The reasons why a conversation will or will not end (LL-1). */
export type Explanation = {
  due: Due | null;
  /** All timers, the next due first, timers that are not due last. */
  timers: TimerExplanation[];
};

/** The values of the conversation's clocks, to find the events that set them. */
export function instantsOf(conversation: Conversation): Date[] {
  return CLOCKS.flatMap((clock) => conversation[clock] ?? []);
}

/**
 * Explains a conversation by the guards from which its timers are made. `steps` are its events at `instantsOf`. An ended
 * conversation has no timers.
 */
export function explain(
  rules: AccountRules,
  conversation: StoredConversation,
  steps: readonly Step[],
): Explanation {
  const facts = factsOf(conversation, rules.exemptTags);
  if (facts === null) return { due: null, timers: [] };
  const settings = settingsFor(rules, conversation.channelId, conversation.skillId);
  const { policy } = settings;
  const inLane: Guard = { name: 'NOT_SET_ASIDE', passes: conversation.laneId !== null };
  const timers = candidatesFor(rules, facts, settings).map(({ timer, guards }): TimerExplanation => {
    const clockAt = conversation[timer.clock];
    const all = [...guards, inLane, ...clockGuards(timer, clockAt)];
    const moved = (step: Step) =>
      clockAt !== null && MOVED[timer.clock](step, clockAt, movesActivity(step, policy));
    return {
      timer,
      clockAt,
      movedBy: steps.findLast(moved) ?? null,
      dueAt: all.every(({ passes }) => passes) ? dueOn(timer, clockAt) : null,
      guards: all,
    };
  });
  const never = Number.MAX_SAFE_INTEGER;
  timers.sort((a, b) => (a.dueAt?.getTime() ?? never) - (b.dueAt?.getTime() ?? never));
  return { due: inLane.passes ? nextDue(rules, conversation) : null, timers };
}

/** Whether an event set a clock to its current value. */
const MOVED: Readonly<Record<ClockName, (step: Step, clockAt: Date, byMatrix: boolean) => boolean>> = {
  lastActivityAt: (step, clockAt, byMatrix) =>
    byMatrix ? same(step.at, clockAt) : setsEveryClock(step, clockAt),
  awaitingSince: (step, clockAt) =>
    step.kind === 'OUTBOUND' || step.kind === 'START'
      ? same(step.at, clockAt)
      : setsEveryClock(step, clockAt),
  statusSince: (step, clockAt) =>
    step.status === step.statusBefore ? setsEveryClock(step, clockAt) : same(step.recordedAt, clockAt),
  heldUntil: (step, clockAt) => step.kind === 'HOLD' && step.data?.until === clockAt.toISOString(),
};

/** Releases and reopenings set every clock to their recording time; timers to that or to their due time. */
function setsEveryClock({ kind, recordedAt, data, effect }: Step, clockAt: Date): boolean {
  if (kind === 'TIMER') return same(recordedAt, clockAt) || data?.due === clockAt.toISOString();
  const sets = kind === 'RELEASE' || kind === 'REOPEN' || kind === 'INBOUND' || effect === 'STARTED';
  return sets && same(recordedAt, clockAt);
}

/** Whether an event moves the clock of inactivity by the reset matrix (LL-10); a start always does. */
function movesActivity(step: Step, { botsAreAgents, resetOn }: Policy): boolean {
  if (step.effect === 'STARTED') return true;
  const command = commandOf(step);
  const activity = command && activityOf(command.action, botsAreAgents);
  return activity !== null && resets(resetOn, activity);
}

function same(a: Date, b: Date): boolean {
  return a.getTime() === b.getTime();
}
