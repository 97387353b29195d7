import { BOUNDS } from '../bounds.ts';
import type { Consent, EndedBy, EndReason } from '../closing/closing.ts';
import { InvalidInputError, type LullError } from '../errors.ts';
import { type AccountRules, settingsFor } from '../policy/account-rules.ts';
import { activityOf, type Command, resets } from './activity.ts';
import {
  CLOCKS,
  type Conversation,
  type Ending,
  factsOf,
  isOpen,
  laneKey,
  later,
  type OpenStatus,
  type Status,
} from './conversation.ts';
import { type Effect, type Event, eventOf } from './event.ts';

/**
 * What is known of a contact: its newest conversation, and the one that the command names if it is another.
 */
export type ContactState = {
  accountId: string;
  contactId: string;
  channelId: string;
  /** Whether the contact was erased (PE-15). */
  isErased: boolean;
  /** The customer's latest statement about receiving messages (SF-11). */
  consent: Consent;
  /** When the customer made it; null: never. */
  consentAt: Date | null;
  latest: Conversation | null;
  named: Conversation | null;
};

/** The inputs of a decision besides state and command. */
export type DecideContext = {
  rules: AccountRules;
  /** The instant of acting. */
  now: Date;
  newId: () => string;
  /** Whether an agent is online and below capacity (SP-7). */
  isAvailable: (agentId: string) => boolean;
  /** The conversation's history, if the decision needs it; else empty (LL-8). */
  history: readonly Event[];
};

/** A conversation after an event, with that event. */
export type Step = { conversation: Conversation; event: Event };

/**
 * The outcome of a command. `ignored`: there is no conversation to record it on, which is no error (LL-9).
 */
export type Outcome =
  | (Step & {
      kind: 'applied' /** What it did before that, to the same conversation or the one before. */;
      first?: Step;
    })
  | { kind: 'ignored'; why: string }
  | { kind: 'refused'; error: LullError };

/**
 * The changes of every customer's message: the agent is awaited, a hold ends, a manual response time is cleared.
 */
export function consumerWrote(subject: Conversation, context: DecideContext): Partial<Conversation> {
  return {
    awaiting: 'AGENT',
    awaitingSince: null,
    held: false,
    heldUntil: null,
    manualResponseAt: null,
    ...(subject.status === 'INACTIVE' && !keepsAgent(subject, context) ? { agentId: null } : {}),
    // Time on hold does not count as time in the queue (PE-6).
    ...(subject.held ? { statusSince: context.now } : {}),
  };
}

/** Whether a customer who returns to an INACTIVE conversation gets the same agent (SF-7). */
export function keepsAgent(subject: Conversation, { rules }: DecideContext): boolean {
  const { policy } = settingsFor(rules, subject.channelId, subject.skillId);
  return subject.agentId !== null && policy.statusBasedCapacity;
}

/** The changes of an end other than by a timer. */
export function endingNow(
  subject: Conversation,
  reason: EndReason,
  by: EndedBy,
  { now, rules }: DecideContext,
): Ending {
  return {
    at: now,
    reason,
    by,
    creditedAgentId: subject.agentId,
    formerStatus: subject.status as OpenStatus,
    rulesVersion: rules.version,
    latenessMs: null,
  };
}

/** Ends a conversation at once because a rule says so (SF-6, SF-10, SF-11). */
export function endedByRule(
  subject: Conversation,
  reason: EndReason,
  by: 'SYSTEM' | 'CUSTOMER',
  context: DecideContext,
): Step {
  const { now } = context;
  const conversation: Conversation = {
    ...subject,
    status: 'ENDED',
    ending: endingNow(subject, reason, by, context),
    statusSince: now,
    placedAt: now,
    revision: subject.revision + 1,
  };
  const event: Event = {
    accountId: conversation.accountId,
    conversationId: conversation.id,
    revision: conversation.revision,
    kind: 'END',
    at: now,
    recordedAt: now,
    actor: by,
    agentId: null,
    channelId: conversation.channelId,
    messageId: null,
    timer: null,
    effect: 'ENDED',
    status: 'ENDED',
    awaiting: conversation.awaiting,
    data: { endReason: reason },
  };
  return { conversation, event };
}

/**
 * Sets every existing clock to an instant (release, manual reopening), unless it is later already. The reminders
 * restart with them (PE-2).
 */
export function everyClock(subject: Conversation, now: Date): Partial<Conversation> {
  return {
    stage: 0,
    lastActivityAt: later(subject.lastActivityAt, now),
    statusSince: later(subject.statusSince, now),
    awaitingSince: subject.awaitingSince && later(subject.awaitingSince, now),
  };
}

/** The changes of a reopening: end, hold and reminders are removed. */
export function reopened(status: Status): Partial<Conversation> {
  return { status, ending: null, held: false, heldUntil: null, stage: 0, overflowed: false };
}

/** What a command changes of a conversation, and the effect that its event names. */
type Change = { changes?: Partial<Conversation>; effect?: Effect | null };

/** Applies a change, and what every command does: the reset matrix, the newest activity, the status's instant, the revision. */
export function applied(
  subject: Conversation,
  command: Command,
  context: DecideContext,
  { changes = {}, effect = null }: Change = {},
): Outcome {
  const next: Conversation = { ...subject, ...changes, revision: subject.revision + 1 };
  const { policy } = settingsFor(context.rules, subject.channelId, subject.skillId);
  const activity = activityOf(command.action, policy.botsAreAgents);
  if (
    activity !== null &&
    isOpen(next) &&
    resets(policy.resetOn, activity) &&
    command.at > next.lastActivityAt
  ) {
    next.lastActivityAt = command.at;
    next.stage = 0;
  }
  if (command.at > next.newestAt) next.newestAt = command.at;
  if (next.status !== subject.status && changes.statusSince === undefined) next.statusSince = context.now;
  if (isPlacedAnew(subject, next, context)) next.placedAt = context.now;
  return { kind: 'applied', conversation: next, event: eventOf(command, next, effect, context.now) };
}

/**
 * Refuses a command that would make a conversation larger than allowed. One that is too large already may shrink.
 * Recorded commands are replayed without this check.
 */
export function withinBounds(before: Conversation | null, outcome: Outcome): Outcome {
  if (outcome.kind !== 'applied') return outcome;
  const { max } = BOUNDS.conversationTags;
  const [count, was] = [outcome.conversation.tags.length, before?.tags.length ?? 0];
  if (count <= max || count <= was) return outcome;
  const error = new InvalidInputError(
    'add',
    `at most ${max} tags on a conversation are allowed; it has ${was} and would have ${count}: remove some first`,
  );
  return { kind: 'refused', error };
}

/** Whether a command changed the lane or a clock. Only then can it have made the conversation due. */
export function isPlacedAnew(
  before: Conversation,
  after: Conversation,
  { rules }: Pick<DecideContext, 'rules'>,
): boolean {
  if (CLOCKS.some((clock) => before[clock]?.getTime() !== after[clock]?.getTime())) return true;
  const [was, is] = [before, after].map((each) => factsOf(each, rules.exemptTags));
  return was && is ? laneKey(was) !== laneKey(is) : was !== is;
}

/** Whether bots count as agents for this channel and skill (PE-5). */
export function botsAreAgents(
  where: { channelId: string; skillId?: string | null },
  context: DecideContext,
): boolean {
  return settingsFor(context.rules, where.channelId, where.skillId ?? null).policy.botsAreAgents;
}
