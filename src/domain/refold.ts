import type { Command } from './activity.ts';
import { type Conversation, factsOf, isOpen } from './conversation.ts';
import { decide } from './decide.ts';
import { commandOf, type Event, eventOf } from './event.ts';
import { fire } from './fire.ts';
import { type ContactState, type DecideContext, isPlacedAnew, type Outcome } from './outcome.ts';
import { dueOn, timersFor } from './timers.ts';

/** One step of a conversation's past: an event, and the command that it tells of if it was one. */
type Step = { event: Event; command: Command | null };

/**
 * An activity older than the newest one takes its place among the stored events, and the conversation is
 * folded from them again. Null where that cannot be done: its first events are gone, a timer acted under rules
 * that are gone, it would have been refused, or the order would have led to another conversation. Then it is
 * decided as it comes.
 */
export function refold(
  state: ContactState,
  subject: Conversation,
  events: readonly Event[],
  late: Command,
  context: DecideContext,
): Outcome | null {
  if (events.length !== subject.revision) return null;
  if (events.some(({ kind, recordedAt }) => kind === 'TIMER' && recordedAt < context.rules.since))
    return null;
  const event = eventOf(late, { ...subject, revision: subject.revision + 1 }, null, context.now);
  const steps: Step[] = [...events, event]
    .sort((a, b) => a.at.getTime() - b.at.getTime() || a.revision - b.revision)
    .map((each) => ({ event: each, command: commandOf(each) }));

  let folded: Conversation | null = null;
  // What was recorded before it keeps the effect on this clock that it had, by the matrix of its time (LL-10).
  let { lastActivityAt } = subject;
  const history = [...events, event];
  for (const { event: each, command } of steps) {
    if (command === null) {
      folded = refire(folded, each, context);
      continue;
    }
    const outcome = redecide(state, folded, each, command, subject, { ...context, history });
    if (outcome.kind === 'applied') {
      const moved = outcome.conversation.lastActivityAt;
      if (each === event && (folded === null || moved > folded.lastActivityAt))
        lastActivityAt = latest(lastActivityAt, moved);
      folded = outcome.conversation;
    } else if (each === event) return null;
    if (folded !== null && folded.id !== subject.id) return null;
  }
  if (folded === null || isOpen(folded) !== isOpen(subject)) return null;

  const conversation: Conversation = {
    ...folded,
    ending: subject.ending,
    // A first message that comes late may name no skill; what it began has one all the same.
    skillId: late.action.kind === 'SKILL' ? folded.skillId : (folded.skillId ?? subject.skillId),
    previousId: subject.previousId,
    lastActivityAt,
    newestAt: latest(folded.newestAt, subject.newestAt),
    revision: subject.revision + 1,
  };
  conversation.placedAt = isPlacedAnew(subject, conversation, context) ? context.now : subject.placedAt;
  return { kind: 'applied', conversation, event: eventOf(late, conversation, null, context.now) };
}

/** A timer acts again only if, with what is known now, it was due when it acted. */
function refire(folded: Conversation | null, event: Event, context: DecideContext): Conversation | null {
  const facts = folded && factsOf(folded, context.rules.exemptTags);
  if (!folded || !facts || event.kind !== 'TIMER') return folded;
  const timer = timersFor(context.rules, facts).find((each) => each.kind === event.timer);
  const due = timer && dueOn(timer, folded[timer.clock]);
  if (!timer || !due || due > event.at) return folded;
  return fire(folded, { timer, at: due }, event.recordedAt, facts, context.rules).conversation;
}

/** Who was available then is known where it was reopened; else whoever has it now is taken to have kept it. */
function redecide(
  state: ContactState,
  folded: Conversation | null,
  event: Event,
  command: Command,
  subject: Conversation,
  context: DecideContext,
): Outcome {
  return decide({ ...state, latest: folded, named: folded }, command, {
    ...context,
    now: event.recordedAt,
    newId: () => (folded === null ? subject.id : context.newId()),
    isAvailable: (agentId) =>
      event.effect === 'REOPENED' ? event.status === 'ACTIVE' : agentId === subject.agentId,
  });
}

function latest(a: Date, b: Date): Date {
  return a < b ? b : a;
}
