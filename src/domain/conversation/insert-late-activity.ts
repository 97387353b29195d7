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

/** Inserts late activities into the events of conversations. */
export type LateActivities = {
  /**
   * Inserts an activity that is older than the newest event of `state.latest`, all of whose events are
   * `context.history`. Replays the events from its place on until the state is the stored one again.
   * Null: it cannot be inserted, and is decided as it arrives. Either the first events are gone, a timer fired under
   * older rules, it would have been refused, or the order leads to another conversation or status.
   */
  insert(state: ContactState, command: Command, context: DecideContext): Outcome | null;
};

/** What a replay depends on besides the events; `onStep` counts its steps. */
type Inputs = {
  state: ContactState;
  subject: Conversation;
  context: DecideContext;
  onStep: () => void;
};

/** An event, its command, and the conversation after it; undefined where a replay never came. */
type Step = { event: Event; command: Command | null; after?: Conversation | null };

/** The replayed events of a conversation. */
type Timeline = {
  inputs: Inputs;
  /** In order of time. */
  steps: Step[];
  /** In order of revision. */
  events: Event[];
  hasEventOfOlderRules: boolean;
};

/**
 * The most steps that a call replays after the first late activity of each conversation; about half a second.
 * Most activities need a step or two. A tag, or another agent, can need all that follow.
 */
export const MAX_REPLAYED_STEPS = 100_000;
const TOO_MANY_STEPS =
  'too many late activities on a long conversation: repeat this one in another call, with fewer of them';

/**
 * Opens the late activities of one call. It keeps the replay of each conversation, so that a thousand activities
 * replay it about once. Beyond `maxSteps`, all but the first activity of a conversation are refused as UNAVAILABLE.
 */
export function openLateActivities(maxSteps = MAX_REPLAYED_STEPS): LateActivities {
  const timelines = new Map<string, Timeline>();
  let counted = 0;
  return {
    insert(state, command, context) {
      const { latest: subject } = state;
      const { history, rules } = context;
      if (subject === null || history.length !== subject.revision) return null;
      if (history.some(({ kind, recordedAt }) => kind === 'TIMER' && recordedAt < rules.since)) return null;
      let timeline = timelines.get(subject.id);
      const isFirst = timeline === undefined;
      if (!isFirst && counted >= maxSteps)
        return { kind: 'refused', error: new UnavailableError(TOO_MANY_STEPS) };
      const onStep = () => {
        if (!isFirst) counted++;
      };
      const inputs: Inputs = { state, subject, context, onStep };
      if (timeline === undefined || !isCurrent(timeline, inputs)) timeline = openTimeline(inputs);
      timelines.set(subject.id, timeline);
      return insertInto(timeline, command, inputs);
    },
  };
}

/** Whether a replay with these inputs would lead to the same states. */
function isCurrent({ inputs: was, steps }: Timeline, { state, subject, context }: Inputs): boolean {
  return (
    steps.length === context.history.length &&
    was.context.rules === context.rules &&
    was.subject.agentId === subject.agentId &&
    was.state.isErased === state.isErased &&
    was.state.consent === state.consent &&
    isSame(was.state.consentAt, state.consentAt)
  );
}

/** Replays the stored events. */
function openTimeline(inputs: Inputs): Timeline {
  const { history, rules } = inputs.context;
  const steps: Step[] = history
    .map((event) => ({ event, command: commandOf(event) }))
    .sort((a, b) => a.event.at.getTime() - b.event.at.getTime() || a.event.revision - b.event.revision);
  const hasEventOfOlderRules = history.some(({ recordedAt }) => recordedAt < rules.since);
  const timeline: Timeline = { inputs, steps, events: [...history], hasEventOfOlderRules };
  let after: Conversation | null = null;
  for (const step of steps) {
    after = replayStep(step, after, inputs, timeline.events);
    if (isAnother(after, inputs.subject)) break;
    step.after = after;
  }
  return timeline;
}

/** Inserts a command into a timeline, which changes only if the command is applied. */
function insertInto(timeline: Timeline, command: Command, inputs: Inputs): Outcome | null {
  const { subject, context } = inputs;
  const { steps, events } = timeline;
  const event = eventOf(command, { ...subject, revision: subject.revision + 1 }, null, context.now);
  const place = countUntil(steps, (step) => step.event.at <= event.at);
  const inOrder: Step[] = steps.toSpliced(place, 0, { event, command: commandOf(event) });
  events.push(event);
  const replayed = replayAround(timeline, inOrder, place, inputs);
  const outcome = replayed && outcomeOf(timeline, command, inputs, replayed);
  if (replayed === null || outcome?.kind !== 'applied') {
    events.pop();
    return outcome;
  }
  inOrder[place] = { event: outcome.event, command: commandOf(event) };
  for (const [index, after] of replayed.afters.entries())
    (inOrder[replayed.from + index] as Step).after = after;
  Object.assign(timeline, { inputs, steps: inOrder });
  return outcome;
}

/** The states after each step from `from` on, around the inserted one, and the last state of all. */
type Replayed = {
  from: number;
  afters: Conversation[];
  before: Conversation | null;
  own: Conversation;
  last: Conversation;
};

/** Replays around an inserted step; null if it was refused, or leads to another conversation. */
function replayAround(
  { steps, events }: Timeline,
  inOrder: readonly Step[],
  place: number,
  inputs: Inputs,
): Replayed | null {
  // Events of the same instant are replayed too: a failed receipt looks at all of them.
  const at = inOrder[place]?.event.at as Date;
  const from = countUntil(steps, (step) => step.event.at < at);
  // A failed receipt depends on the messages around it, not only on the state before it (LL-8).
  const lastFailure = inOrder.findLastIndex(({ command }) => isFailure(command));
  const stored = (count: number) => (count === 0 ? null : steps[count - 1]?.after);
  let before: Conversation | null = null;
  let current = stored(from);
  if (current === undefined) return null;
  const afters: Conversation[] = [];
  for (let index = from; index < inOrder.length; index++) {
    if (index > place && index > lastFailure && isSameState(current, stored(index - 1))) break;
    if (index === place) before = current;
    const after: Conversation | null = replayStep(inOrder[index] as Step, current, inputs, events);
    if (index === place && after === current) return null;
    if (isAnother(after, inputs.subject)) return null;
    afters.push(after as Conversation);
    current = after;
  }
  const last = from + afters.length === inOrder.length ? current : stored(steps.length);
  if (!last || isOpen(last) !== isOpen(inputs.subject)) return null;
  return { from, afters, before, own: afters[place - from] as Conversation, last };
}

/** The conversation as the replay left it, with what a replay cannot know. */
function outcomeOf(
  { hasEventOfOlderRules }: Timeline,
  command: Command,
  { subject, context }: Inputs,
  { before, own, last }: Replayed,
): Outcome {
  const movesClock = before === null || own.lastActivityAt > before.lastActivityAt;
  const conversation: Conversation = {
    ...last,
    ending: subject.ending,
    // A late first message may name no skill; the conversation keeps its own.
    skillId: command.action.kind === 'SKILL' ? last.skillId : (last.skillId ?? subject.skillId),
    previousId: subject.previousId,
    // Events recorded under older rules keep their effect on this clock, by the reset matrix of their time (LL-10).
    ...(hasEventOfOlderRules && {
      lastActivityAt: movesClock ? later(subject.lastActivityAt, own.lastActivityAt) : subject.lastActivityAt,
    }),
    newestAt: later(last.newestAt, subject.newestAt),
    revision: subject.revision + 1,
  };
  conversation.placedAt = isPlacedAnew(subject, conversation, context) ? context.now : subject.placedAt;
  const event = eventOf(command, conversation, null, context.now);
  return withinBounds(subject, { kind: 'applied', conversation, event });
}

/** The conversation after a step; a step that is refused or ignored changes nothing. */
function replayStep(
  { event, command }: Step,
  current: Conversation | null,
  { state, subject, context, onStep }: Inputs,
  events: readonly Event[],
): Conversation | null {
  onStep();
  if (command === null) return fireAgain(current, event, context);
  // An opt-out does not undo a message that was sent before it was recorded (SF-11).
  const wasSent = (event.kind === 'OUTBOUND' || event.kind === 'START') && event.revision <= subject.revision;
  const consent = wasSent ? 'UNKNOWN' : state.consent;
  const outcome = decide({ ...state, consent, latest: current, named: current }, command, {
    ...context,
    history: isFailure(command) ? events : [],
    now: event.recordedAt,
    newId: () => (current === null ? subject.id : context.newId()),
    // The event of a reopening shows who was available; elsewhere the present agent counts as available.
    isAvailable: (agentId) =>
      event.effect === 'REOPENED' ? event.status === 'ACTIVE' : agentId === subject.agentId,
  });
  return outcome.kind === 'applied' ? outcome.conversation : current;
}

/** Fires a timer again if it was due by then, as far as is known now. */
function fireAgain(current: Conversation | null, event: Event, context: DecideContext): Conversation | null {
  const facts = current && factsOf(current, context.rules.exemptTags);
  if (!current || !facts || event.kind !== 'TIMER') return current;
  const timer = timersFor(context.rules, facts).find((each) => each.kind === event.timer);
  const due = timer && dueOn(timer, current[timer.clock]);
  if (!timer || !due || due > event.at) return current;
  return fire(current, { timer, at: due }, event.recordedAt, context.rules).conversation;
}

/** Whether two states are the same, the number of events apart. An unknown state is the same as no other. */
function isSameState(current: Conversation | null, stored: Conversation | null | undefined): boolean {
  if (current === null || !stored) return current === stored;
  return isSame({ ...current, revision: 0 }, { ...stored, revision: 0 });
}

function isFailure(command: Command | null): boolean {
  return command?.action.kind === 'RECEIPT' && command.action.state === 'FAILED';
}

function isAnother(conversation: Conversation | null, subject: Conversation): boolean {
  return conversation !== null && conversation.id !== subject.id;
}
