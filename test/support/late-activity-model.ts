import type { Command } from '../../src/domain/conversation/activity.ts';
import { type Conversation, factsOf, isOpen } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import { commandOf, type Event, eventOf } from '../../src/domain/conversation/event.ts';
import { fire } from '../../src/domain/conversation/fire-timer.ts';
import {
  type ContactState,
  type DecideContext,
  isPlacedAnew,
  type Outcome,
} from '../../src/domain/conversation/outcome.ts';
import { dueOn, timersFor } from '../../src/domain/time/timers.ts';

/** How one late activity takes its place: everything is folded, from the first event to the last, each time. */
export function refoldAll(
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
  const history = [...events, event];
  const inOrder = [...history].sort((a, b) => a.at.getTime() - b.at.getTime() || a.revision - b.revision);
  let folded: Conversation | null = null;
  let { lastActivityAt } = subject;
  for (const each of inOrder) {
    const command = commandOf(each);
    if (command === null) {
      folded = refire(folded, each, context);
      continue;
    }
    // What was sent before was allowed then, whatever the customer has said since.
    const wasSent = each !== event && (each.kind === 'OUTBOUND' || each.kind === 'START');
    const consent = wasSent ? 'UNKNOWN' : state.consent;
    const outcome: Outcome = decide({ ...state, consent, latest: folded, named: folded }, command, {
      ...context,
      history,
      now: each.recordedAt,
      newId: () => (folded === null ? subject.id : context.newId()),
      isAvailable: (agentId) =>
        each.effect === 'REOPENED' ? each.status === 'ACTIVE' : agentId === subject.agentId,
    });
    if (outcome.kind === 'applied') {
      const moved: Date = outcome.conversation.lastActivityAt;
      if (each === event && (folded === null || moved > folded.lastActivityAt))
        lastActivityAt = lastActivityAt < moved ? moved : lastActivityAt;
      folded = outcome.conversation;
    } else if (each === event) return null;
    if (folded !== null && folded.id !== subject.id) return null;
  }
  if (folded === null || isOpen(folded) !== isOpen(subject)) return null;
  const conversation: Conversation = {
    ...folded,
    ending: subject.ending,
    skillId: late.action.kind === 'SKILL' ? folded.skillId : (folded.skillId ?? subject.skillId),
    previousId: subject.previousId,
    // What was recorded under other rules keeps its effect on this clock.
    lastActivityAt: events.some(({ recordedAt }) => recordedAt < context.rules.since)
      ? lastActivityAt
      : folded.lastActivityAt,
    newestAt: folded.newestAt < subject.newestAt ? subject.newestAt : folded.newestAt,
    revision: subject.revision + 1,
  };
  conversation.placedAt = isPlacedAnew(subject, conversation, context) ? context.now : subject.placedAt;
  return { kind: 'applied', conversation, event: eventOf(late, conversation, null, context.now) };
}

function refire(folded: Conversation | null, event: Event, context: DecideContext): Conversation | null {
  const facts = folded && factsOf(folded, context.rules.exemptTags);
  if (!folded || !facts || event.kind !== 'TIMER') return folded;
  const timer = timersFor(context.rules, facts).find((each) => each.kind === event.timer);
  const due = timer && dueOn(timer, folded[timer.clock]);
  if (!timer || !due || due > event.at) return folded;
  return fire(folded, { timer, at: due }, event.recordedAt, facts, context.rules).conversation;
}
