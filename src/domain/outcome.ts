import { activityOf, type Command } from './activity.ts';
import { CLOCKS, type Conversation, factsOf, isOpen, laneKey, type Status } from './conversation.ts';
import type { LullError } from './errors.ts';
import { type Effect, type Event, eventOf } from './event.ts';
import { type AccountRules, settingsFor } from './rules.ts';

/** What is known of a contact: its newest conversation, and the one the command names if that is another. */
export type ContactState = {
  accountId: string;
  contactId: string;
  channelId: string;
  /** Whether nobody knows any more whom it was (PE-15). */
  isErased: boolean;
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
};

/** What a command came to. `ignored`: nothing to record it on, and nothing wrong with that (LL-9). */
export type Outcome =
  | { kind: 'applied'; conversation: Conversation; event: Event }
  | { kind: 'ignored'; why: string }
  | { kind: 'refused'; error: LullError };

/** What a consumer message does wherever it lands: the agent is awaited, a hold is over, a promise is used up. */
export function consumerWrote(subject: Conversation, now: Date): Partial<Conversation> {
  return {
    awaiting: 'AGENT',
    awaitingSince: null,
    held: false,
    heldUntil: null,
    manualResponseAt: null,
    ...(subject.status === 'INACTIVE' ? { agentId: null } : {}),
    // The time on hold is no time in the queue (PE-6).
    ...(subject.held ? { statusSince: now } : {}),
  };
}

/** Every clock that is set, at an instant (release, reopening by hand). */
export function everyClock(subject: Conversation, now: Date): Partial<Conversation> {
  return {
    lastActivityAt: now,
    statusSince: now,
    awaitingSince: subject.awaitingSince === null ? null : now,
  };
}

/** A conversation brought back: nothing of its end, its hold or its reminders is left. */
export function reopened(status: Status): Partial<Conversation> {
  return { status, ending: null, held: false, heldUntil: null, stage: 0, overflowed: false };
}

/** Writes changes and what every command does: the reset matrix, the newest activity, the status's instant, the revision. */
export function applied(
  subject: Conversation,
  changes: Partial<Conversation>,
  command: Command,
  context: DecideContext,
  effect: Effect | null,
): Outcome {
  const next: Conversation = { ...subject, ...changes, revision: subject.revision + 1 };
  const activity = activityOf(command.action, botsAreAgents(subject, context));
  if (
    activity !== null &&
    isOpen(next) &&
    context.rules.profile.resets[activity] &&
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
