import { UnavailableError } from '../errors.ts';
import { isSame } from '../same.ts';
import { dueOn, timersFor } from '../time/timers.ts';
import type { Command } from './activity.ts';
import { type Conversation, factsOf, isOpen, later } from './conversation.ts';
import { decide } from './decide.ts';
import { commandOf, type Event, eventOf } from './event.ts';
import { fire } from './fire-timer.ts';
import { countUntil } from './history.ts';
import {
  type ContactState,
  type DecideContext,
  isPlacedAnew,
  type Outcome,
  withinBounds,
} from './outcome.ts';

/** A conversation's past, in which late activities take their places one after another. */
export type Past = {
  /**
   * An activity older than the newest one takes its place among the stored events, and the conversation is folded
   * from them again: from its place on, until it makes no more difference. Null where that cannot be done: its first
   * events are gone, a timer acted under rules that are gone, it would have been refused, or the order would have
   * led to another conversation. Then it is decided as it comes.
   */
  take(
    state: ContactState,
    subject: Conversation,
    events: readonly Event[],
    late: Command,
    context: DecideContext,
  ): Outcome | null;
};

/** One step of it: an event, the command that it tells of if it was one, and how things stood after it. */
type Step = { event: Event; command: Command | null; after: Conversation | null };
/** What the steps are folded with. */
type Fold = {
  state: ContactState;
  subject: Conversation;
  context: DecideContext;
};

/**
 * How many steps a call, or those that go together, fold again at most, after the first late activity of each
 * conversation: half a second's worth.
 * Most make no difference after a step or two; a tag, or another agent, may make one up to the end of a long past.
 */
export const MAX_STEPS_AGAIN = 100_000;

/**
 * The pasts of a call, or of those that go together, by conversation. What would take more steps than `maxSteps` is
 * refused as UNAVAILABLE, and may be told again in another call; the first of a conversation never is.
 */
export function openPasts(maxSteps = MAX_STEPS_AGAIN): Past {
  const pasts = new Map<string, Past>();
  let steps = 0;
  return {
    take(state, subject, ...rest) {
      const known = pasts.get(subject.id);
      if (known) {
        if (steps >= maxSteps) return { kind: 'refused', error: new UnavailableError(TOO_MUCH) };
        return known.take(state, subject, ...rest);
      }
      const before = steps;
      const past = openPast(() => void steps++);
      pasts.set(subject.id, past);
      const outcome = past.take(state, subject, ...rest);
      steps = before;
      return outcome;
    },
  };
}
const TOO_MUCH = 'too much came late to a long conversation at a time; tell it again, in another call';

/** A past of which nothing has been folded yet; `onStep` is told of every step that is. */
export function openPast(onStep: () => void): Past {
  /** In order of time. */
  let steps: Step[] = [];
  /** Their events, as they were recorded. */
  let told: Event[] = [];
  let foldedWith: Fold | null = null;
  /** Whether a timer acted under rules that are gone. */
  let isForgotten = false;
  /** Whether anything was recorded under rules that are gone. */
  let isUnderOthers = false;
  /** Whether it mattered who is available now. */
  let hasAsked = false;
  /** The place of the first that led to another conversation; how things stood after that is not known. */
  let brokenAt = Number.POSITIVE_INFINITY;
  /** The place of the last message that did not arrive; what that means depends on those around it (LL-8). */
  let lastFailure = -1;

  return {
    take(state, subject, events, late, context) {
      if (events.length !== subject.revision) return null;
      const fold: Fold = { state, subject, context };
      if (steps.length !== events.length || !agrees(foldedWith, fold)) foldAll(fold, events);
      if (isForgotten) return null;

      const event = eventOf(late, { ...subject, revision: subject.revision + 1 }, null, context.now);
      told.push(event);
      const outcome = insert(event, late, fold);
      if (outcome?.kind !== 'applied') told.pop();
      return outcome;
    },
  };

  /** Puts a late event, which is told of already, at its place among the steps; null: nothing was changed. */
  function insert(event: Event, late: Command, fold: Fold): Outcome | null {
    const { subject, context } = fold;
    const own: Step = { event, command: commandOf(event), after: null };
    // Those of the same instant are folded again, too: what became of a message is told by all of them.
    const first = countUntil(steps, (each) => each.event.at < event.at);
    const place = countUntil(steps, (each) => each.event.at <= event.at);
    if (brokenAt < first) return null;
    const isWhole = brokenAt === Number.POSITIVE_INFINITY;
    const failure = isFailure(own.command)
      ? Math.max(place, lastFailure + 1)
      : lastFailure + (lastFailure < place ? 0 : 1);

    let { lastActivityAt } = subject;
    let folded = steps[first - 1]?.after ?? null;
    const afters: (Conversation | null)[] = [];
    for (let index = first; index <= steps.length; index++) {
      const step = index === place ? own : (steps[index < place ? index : index - 1] as Step);
      const mayBeAsBefore = isWhole && index > place && index > failure;
      if (mayBeAsBefore && isAsBefore(folded, steps[index - 2]?.after ?? null)) break;
      const next = after(step, folded, fold);
      if (step === own) {
        if (next === undefined || next === null) return null;
        const moved = next.lastActivityAt;
        if (folded === null || moved > folded.lastActivityAt) lastActivityAt = later(lastActivityAt, moved);
      }
      if (next !== undefined) folded = next;
      if (isAnother(folded, subject)) return null;
      afters.push(folded);
    }
    const last = first + afters.length > steps.length ? folded : (steps[steps.length - 1] as Step).after;
    if (last === null || isOpen(last) !== isOpen(subject)) return null;

    const conversation: Conversation = {
      ...last,
      ending: subject.ending,
      // A first message that comes late may name no skill; what it began has one all the same.
      skillId: late.action.kind === 'SKILL' ? last.skillId : (last.skillId ?? subject.skillId),
      previousId: subject.previousId,
      // What was recorded under other rules keeps the effect on this clock that it had, by the matrix of its time (LL-10).
      lastActivityAt: isUnderOthers ? lastActivityAt : last.lastActivityAt,
      newestAt: later(last.newestAt, subject.newestAt),
      revision: subject.revision + 1,
    };
    const outcome = withinBounds(subject, { kind: 'applied', conversation, event });
    if (outcome.kind !== 'applied') return outcome;
    conversation.placedAt = isPlacedAnew(subject, conversation, context) ? context.now : subject.placedAt;
    own.event = eventOf(late, conversation, null, context.now);
    steps.splice(place, 0, own);
    for (const [index, each] of afters.entries()) (steps[first + index] as Step).after = each;
    foldedWith = fold;
    brokenAt = Number.POSITIVE_INFINITY;
    lastFailure = failure;
    return { kind: 'applied', conversation, event: own.event };
  }

  /** Folds what is stored. */
  function foldAll(fold: Fold, events: readonly Event[]): void {
    const { since } = fold.context.rules;
    isForgotten = events.some(({ kind, recordedAt }) => kind === 'TIMER' && recordedAt < since);
    isUnderOthers = events.some(({ recordedAt }) => recordedAt < since);
    hasAsked = false;
    told = [...events];
    steps = events
      .map((event) => ({ event, command: commandOf(event), after: null }))
      .sort((a, b) => a.event.at.getTime() - b.event.at.getTime() || a.event.revision - b.event.revision);
    lastFailure = steps.findLastIndex(({ command }) => isFailure(command));
    let folded: Conversation | null = null;
    const broken = steps.findIndex((step) => {
      const next = after(step, folded, fold);
      if (next !== undefined) folded = next;
      step.after = folded;
      return isAnother(folded, fold.subject);
    });
    brokenAt = broken < 0 ? Number.POSITIVE_INFINITY : broken;
    foldedWith = fold;
  }

  /** How things stand after a step; undefined where it would have been refused. */
  function after(
    { event, command }: Step,
    folded: Conversation | null,
    { state, subject, context }: Fold,
  ): Conversation | null | undefined {
    onStep();
    if (command === null) return refire(folded, event, context);
    const outcome = decide({ ...stateAt(event, state, subject), latest: folded, named: folded }, command, {
      ...context,
      history: isFailure(command) ? told : [],
      now: event.recordedAt,
      newId: () => (folded === null ? subject.id : context.newId()),
      // Who was available then is known where it was reopened; else whoever has it now is taken to have kept it.
      isAvailable(agentId) {
        if (event.effect === 'REOPENED') return event.status === 'ACTIVE';
        hasAsked = true;
        return agentId === subject.agentId;
      },
    });
    return outcome.kind === 'applied' ? outcome.conversation : undefined;
  }

  /** Whether the steps would be folded as they were. */
  function agrees(was: Fold | null, is: Fold): boolean {
    return (
      was !== null &&
      was.context.rules === is.context.rules &&
      was.subject.id === is.subject.id &&
      (!hasAsked || was.subject.agentId === is.subject.agentId) &&
      was.state.isErased === is.state.isErased &&
      was.state.consent === is.state.consent &&
      isSame(was.state.consentAt, is.state.consentAt)
    );
  }
}

/** What was sent was allowed when it was: an opt-out that has come since says nothing against it (SF-11). */
function stateAt({ kind, revision }: Event, state: ContactState, subject: Conversation): ContactState {
  const wasAllowed = (kind === 'OUTBOUND' || kind === 'START') && revision <= subject.revision;
  return wasAllowed ? { ...state, consent: 'UNKNOWN' } : state;
}

/** Whether everything that follows goes on as it did; how many events there are is counted apart. */
function isAsBefore(folded: Conversation | null, was: Conversation | null): boolean {
  if (folded === null || was === null) return folded === was;
  return isSame({ ...folded, revision: 0 }, { ...was, revision: 0 });
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

function isFailure(command: Command | null): boolean {
  return command?.action.kind === 'RECEIPT' && command.action.state === 'FAILED';
}

function isAnother(folded: Conversation | null, subject: Conversation): boolean {
  return folded !== null && folded.id !== subject.id;
}
