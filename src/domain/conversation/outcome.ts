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

/** What is known of a contact: its newest conversation, and the one the command names if that is another. */
export type ContactState = {
  accountId: string;
  contactId: string;
  channelId: string;
  /** Whether nobody knows any more whom it was (PE-15). */
  isErased: boolean;
  /** What the customer last said about being written to (SF-11). */
  consent: Consent;
  /** When they said so; null: they never did. */
  consentAt: Date | null;
  latest: Conversation | null;
  named: Conversation | null;
};

/** What deciding needs from outside; all of it passed in. */
export type DecideContext = {
  rules: AccountRules;
  /** The acting instant. */
  now: Date;
  newId: () => string;
  /** Whether an agent is online and under capacity (SP-7). */
  isAvailable: (agentId: string) => boolean;
  /** What has happened to the conversation so far; given where deciding needs it, else empty (LL-8). */
  history: readonly Event[];
};

/** A conversation after an event of it. */
export type Step = { conversation: Conversation; event: Event };

/** What a command came to. `ignored`: nothing to record it on, and nothing wrong with that (LL-9). */
export type Outcome =
  | (Step & {
      kind: 'applied' /** What it did before that, to the same conversation or the one before. */;
      first?: Step;
    })
  | { kind: 'ignored'; why: string }
  | { kind: 'refused'; error: LullError };

/** What a consumer message does wherever it lands: the agent is awaited, a hold is over, a promise is used up. */
export function consumerWrote(subject: Conversation, context: DecideContext): Partial<Conversation> {
  return {
    awaiting: 'AGENT',
    awaitingSince: null,
    held: false,
    heldUntil: null,
    manualResponseAt: null,
    ...(subject.status === 'INACTIVE' && !keepsAgent(subject, context) ? { agentId: null } : {}),
    // The time on hold is no time in the queue (PE-6).
    ...(subject.held ? { statusSince: context.now } : {}),
  };
}

/** Whether a customer who comes back to an INACTIVE conversation finds the same agent (SF-7). */
export function keepsAgent(subject: Conversation, { rules }: DecideContext): boolean {
  const { policy } = settingsFor(rules, subject.channelId, subject.skillId);
  return subject.agentId !== null && policy.statusBasedCapacity;
}

/** How an open conversation ends at an instant, other than by a timer. */
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

/** Ends a conversation because a rule says so, at once (SF-6, SF-10, SF-11). */
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
 * Every clock that is set, at an instant (release, reopening by hand), or where it stood past it: none goes back. With
 * them the reminders begin anew (PE-2).
 */
export function everyClock(subject: Conversation, now: Date): Partial<Conversation> {
  return {
    stage: 0,
    lastActivityAt: later(subject.lastActivityAt, now),
    statusSince: later(subject.statusSince, now),
    awaitingSince: subject.awaitingSince && later(subject.awaitingSince, now),
  };
}

/** A conversation brought back: nothing of its end, its hold or its reminders is left. */
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
 * Refuses what would make a conversation larger than it may be. One that is too large already may still shrink. What was
 * recorded is folded again without regard to it.
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

/** Whether a command gave it another lane or another clock: only then can it have made it due. */
export function isPlacedAnew(
  before: Conversation,
  after: Conversation,
  { rules }: Pick<DecideContext, 'rules'>,
): boolean {
  if (CLOCKS.some((clock) => before[clock]?.getTime() !== after[clock]?.getTime())) return true;
  const [was, is] = [before, after].map((each) => factsOf(each, rules.exemptTags));
  return was && is ? laneKey(was) !== laneKey(is) : was !== is;
}

/** Whether bots count as agents where this conversation is (PE-5). */
export function botsAreAgents(
  where: { channelId: string; skillId?: string | null },
  context: DecideContext,
): boolean {
  return settingsFor(context.rules, where.channelId, where.skillId ?? null).policy.botsAreAgents;
}
