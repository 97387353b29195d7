import type { Consent } from '../../src/domain/closing/closing.ts';
import type { Command } from '../../src/domain/conversation/activity.ts';
import { type Conversation, factsOf } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import { type Event, eventOf } from '../../src/domain/conversation/event.ts';
import { fire } from '../../src/domain/conversation/fire-timer.ts';
import type { ContactState, DecideContext, Outcome } from '../../src/domain/conversation/outcome.ts';
import type { TimerKind } from '../../src/domain/policy/channel-rules.ts';
import { duesOf } from '../../src/domain/time/timers.ts';

/** What the test did to a conversation, as the test itself noted it. */
export type Note = { at: Date; recordedAt: Date } & (
  | {
      command: Command;
      /** The consent that applied when it was recorded, as far as it can refuse the command. */
      consent: Consent;
      /** Whether an agent took the conversation, if the command reopened it. */
      tookAgent: boolean | null;
    }
  | { timer: TimerKind }
);

/**
 * The definition of a late activity: everything that was noted, in order of its instant, is played from nothing.
 * Null: the activity cannot be inserted.
 */
export function playedInOrder(
  notes: readonly Note[],
  late: Command,
  state: ContactState & { latest: Conversation },
  context: DecideContext,
): Outcome | null {
  const { rules, now } = context;
  const subject = state.latest;
  const revision = subject.revision + 1;
  if (notes.some((note) => 'timer' in note && note.recordedAt < rules.since)) return null;
  const history = [...context.history, eventOf(late, { ...subject, revision }, null, now)];
  const own: Note = { at: late.at, recordedAt: now, command: late, consent: state.consent, tookAgent: null };
  const inOrder = [...notes, own].sort((a, b) => a.at.getTime() - b.at.getTime());
  const states = statesOf(inOrder, subject, state, { ...context, history });
  const [before, after] = [states.at(inOrder.indexOf(own)), states.at(inOrder.indexOf(own) + 1)];
  const last = states.at(-1);
  if (!after || after === before || !last || states.some((each) => each && each.id !== subject.id))
    return null;
  if ((last.status === 'ENDED') !== (subject.status === 'ENDED')) return null;
  const moved = !before || after.lastActivityAt > before.lastActivityAt ? after.lastActivityAt : new Date(0);
  const conversation: Conversation = {
    ...last,
    ...{ ending: subject.ending, previousId: subject.previousId, revision },
    skillId: late.action.kind === 'SKILL' ? last.skillId : (last.skillId ?? subject.skillId),
    newestAt: latestOf(last.newestAt, subject.newestAt),
  };
  if (notes.some(({ recordedAt }) => recordedAt < rules.since))
    conversation.lastActivityAt = latestOf(subject.lastActivityAt, moved);
  const isWhereItWas = placeOf(conversation, rules.exemptTags) === placeOf(subject, rules.exemptTags);
  conversation.placedAt = isWhereItWas ? subject.placedAt : now;
  return { kind: 'applied', conversation, event: eventOf(late, conversation, null, now) };
}

/** The states from nothing to the last note, one more than there are notes. */
function statesOf(
  notes: readonly Note[],
  subject: Conversation,
  state: ContactState,
  context: DecideContext & { history: readonly Event[] },
): (Conversation | null)[] {
  const states: (Conversation | null)[] = [null];
  for (const note of notes) {
    const current = states.at(-1) ?? null;
    states.push('timer' in note ? fired(current, note, context) : played(current, note));
  }
  return states;

  function played(current: Conversation | null, note: Extract<Note, { command: Command }>) {
    // A command that was recorded on the conversation stays on it.
    const command: Command = { ...note.command, byId: true };
    const known = { ...state, consent: note.consent, latest: current, named: current };
    const outcome = decide(known, command, {
      ...context,
      now: note.recordedAt,
      newId: () => (current === null ? subject.id : 'another'),
      isAvailable: (agentId) => note.tookAgent ?? agentId === subject.agentId,
    });
    return outcome.kind === 'applied' ? outcome.conversation : current;
  }
}

/** A timer fires again if it was due by then. */
function fired(
  current: Conversation | null,
  { timer, at, recordedAt }: Extract<Note, { timer: TimerKind }>,
  { rules }: DecideContext,
): Conversation | null {
  const due = current && duesOf(rules, current).find((each) => each.timer.kind === timer && each.at <= at);
  return due ? fire(current as Conversation, due, recordedAt, rules).conversation : current;
}

const latestOf = (a: Date, b: Date) => new Date(Math.max(a.getTime(), b.getTime()));

/** The lane and the clocks of a conversation, as one text. */
const placeOf = (conversation: Conversation, exemptTags: ReadonlySet<string>) => {
  const { lastActivityAt, awaitingSince, statusSince, heldUntil } = conversation;
  return JSON.stringify([
    factsOf(conversation, exemptTags),
    ...[lastActivityAt, awaitingSince, statusSince, heldUntil],
  ]);
};
