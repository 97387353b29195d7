import type { ClockName } from '../../domain/conversation/conversation.ts';
import { fromMilliseconds } from '../../domain/time/duration.ts';
import type { Guard, GuardName } from '../../domain/time/timers.ts';
import {
  type Explanation as Explained,
  explain,
  instantsOf,
  type TimerExplanation,
} from '../../insight/explain.ts';
import { builder } from '../core/builder.ts';
import { EndReasonEnum, enumOf, TimerActionEnum, TimerKindEnum } from '../core/enums.ts';
import { Origin } from '../policy/origin.ts';
import { Conversation } from './conversation.ts';
import { Due } from './due.ts';
import { Event } from './event.ts';

const ClockEnum = enumOf<ClockName>('Clock', 'The field of `Conversation` that a timer counts from.', {
  lastActivityAt: 'The last counted activity (LL-10).',
  awaitingSince: "The agent's first unanswered message (SF-4).",
  statusSince: 'The last change of the status.',
  heldUntil: 'The end of the hold.',
});

const GuardEnum = enumOf<GuardName>('Guard', 'A condition that must hold for a timer to run (LL-1).', {
  CHANNEL_HAS_IT: 'The channel supports the timer.',
  SWITCHED_ON: 'The policy enables the timer.',
  HELD: 'The conversation is on hold (PE-6).',
  NOT_HELD: 'The conversation is not on hold (PE-6).',
  NOT_EXEMPT: 'The conversation has no exempt tag of the account (PE-7).',
  STATUS_MATCHES: 'The timer applies to the status of the conversation.',
  AWAITED_MATCHES: 'The timer applies while this side is awaited (LP-6).',
  CASE_STATUS_MATCHES: 'The timer applies to the case status of the conversation (SP-4).',
  CAN_REQUEUE: 'The timer would not return the conversation to the queue while it is already there (PE-9).',
  NO_MANUAL_RESPONSE:
    'No manual response time is set, or the policy does not exempt such conversations (LP-7).',
  REMINDER_IS_LEFT: 'A warning is left to send (PE-2).',
  CAN_OVERFLOW: 'The queue timeout ends the conversation, or it has not overflowed yet (PE-10).',
  NOT_PAUSED: 'Automatic ends are not paused for the account or channel (LL-15).',
  NOT_SET_ASIDE: 'The conversation is not set aside; see `Conversation.setAside`.',
  CLOCK_IS_SET: 'The clock of the timer has a value.',
  SINCE_ENABLED: 'The clock was set after the policy enabled the timer (SP-6).',
  TIME_RUNS: 'No outage without an end stops the time (LL-7).',
});

const GuardResult = builder.objectRef<Guard>('GuardResult').implement({
  description: 'A condition of a timer and whether it holds.',
  fields: (t) => ({
    guard: t.field({
      type: GuardEnum,
      description: 'The condition that was checked.',
      resolve: ({ name }) => name,
    }),
    passes: t.exposeBoolean('passes', { description: 'Whether the condition holds.' }),
  }),
});

const TimerExplanationType = builder.objectRef<TimerExplanation>('TimerExplanation').implement({
  description: 'When a timer is due and why, or why it does not run (LL-1).',
  fields: (t) => ({
    timer: t.field({
      type: TimerKindEnum,
      description: 'The timer that this entry explains.',
      resolve: ({ timer }) => timer.kind,
    }),
    willDo: t.field({
      type: TimerActionEnum,
      description: 'The effect of the timer.',
      resolve: ({ timer }) => timer.action.does,
    }),
    endReason: t.field({
      type: EndReasonEnum,
      nullable: true,
      description: 'The reason that the end would have; null if the timer does not end the conversation.',
      resolve: ({ timer: { action } }) => (action.does === 'END' ? action.reason : null),
    }),
    dueAt: t.expose('dueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The time at which it fires; null unless every guard passes.',
    }),
    clock: t.field({
      type: ClockEnum,
      description: 'The clock that it counts from.',
      resolve: ({ timer }) => timer.clock,
    }),
    clockAt: t.expose('clockAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The value of that clock; null if it is not set.',
    }),
    movedBy: t.expose('movedBy', {
      type: Event,
      nullable: true,
      description:
        'The event that last set that clock (LL-10); null if it is not among the newest 1,000 events of the feed.',
    }),
    after: t.field({
      type: 'Duration',
      description:
        'The duration from the clock to `dueAt`, in counted time: business hours only, without outages (PE-8).',
      resolve: ({ timer }) => fromMilliseconds(timer.afterMs),
    }),
    origin: t.field({
      type: Origin,
      nullable: true,
      description:
        'The policy layer that set `after`; null for holds and the system protection, which no policy sets.',
      resolve: ({ timer }) => timer.origin,
    }),
    guards: t.field({
      type: [GuardResult],
      description: 'The conditions for it to run.',
      args: {
        passes: t.arg.boolean({
          description: 'True for conditions that hold, false for those that do not. Default: all.',
        }),
      },
      resolve: ({ guards }, args) => guards.filter(({ passes }) => passes === (args.passes ?? passes)),
    }),
  }),
});

const Explanation = builder.objectRef<Explained>('Explanation').implement({
  description: 'When a conversation will end and why, or why it will not (LL-1).',
  fields: (t) => ({
    due: t.expose('due', {
      type: Due,
      nullable: true,
      description: 'The next timer of any kind; null if no timer runs.',
    }),
    timers: t.expose('timers', {
      type: [TimerExplanationType],
      description:
        'All timers, the next due first and those that do not run last. Empty for an ended conversation.',
    }),
  }),
});

builder.objectField(Conversation, 'explanation', (t) =>
  t.field({
    type: Explanation,
    description:
      'When the conversation will end and why, or why it will not, by the rules in force now (LL-1).',
    async resolve(conversation, _args, { load }) {
      const range = { conversationId: conversation.id, instants: instantsOf(conversation) };
      const [rules, steps] = await Promise.all([load.rules(), load.steps(range)]);
      return explain(rules, conversation, steps);
    },
  }),
);
