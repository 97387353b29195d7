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

const ClockEnum = enumOf<ClockName>('Clock', 'What a timer counts from: a field of the conversation.', {
  lastActivityAt: 'The last activity that counts (LL-10).',
  awaitingSince: 'Since when the customer is awaited.',
  statusSince: 'When it took its status.',
  heldUntil: 'The end of the hold.',
});

const GuardEnum = enumOf<GuardName>('Guard', 'What has to be so for a timer to run (LL-1).', {
  CHANNEL_HAS_IT: 'The channel has such a timer.',
  SWITCHED_ON: 'The policy switches it on.',
  HELD: 'The conversation is on hold (PE-6).',
  NOT_HELD: 'It is not on hold (PE-6).',
  NOT_EXEMPT: 'It has no tag that exempts it (PE-7).',
  STATUS_MATCHES: 'It has a status to which the timer applies.',
  AWAITED_MATCHES: 'Who is awaited is whom the timer is about (LP-6).',
  CASE_STATUS_MATCHES: 'It has a case status to which the timer applies (SP-4).',
  CAN_REQUEUE: 'It is not in the queue already, if that is where it would be put (PE-9).',
  NO_MANUAL_RESPONSE: 'No agent has promised an answer, or that exempts nothing here (LP-7).',
  REMINDER_IS_LEFT: 'There is a warning that has not been sent (PE-2).',
  CAN_OVERFLOW: 'It ends in the queue, or can still go to the overflow skill (PE-10).',
  NOT_PAUSED: 'Automatic ends are not paused (LL-15).',
  NOT_SET_ASIDE: 'Lull has not taken it out of the automatic work.',
  CLOCK_IS_SET: 'What the timer counts from is set.',
  SINCE_ENABLED: 'The clock is not from before the timer was switched on (SP-6).',
  TIME_RUNS: 'The time runs: no outage without an end (LL-7).',
});

const GuardResult = builder.objectRef<Guard>('GuardResult').implement({
  description: 'A condition of a timer, and whether it holds.',
  fields: (t) => ({
    guard: t.field({ type: GuardEnum, description: 'The condition.', resolve: ({ name }) => name }),
    passes: t.exposeBoolean('passes', { description: 'Whether it holds.' }),
  }),
});

const TimerExplanationType = builder.objectRef<TimerExplanation>('TimerExplanation').implement({
  description: 'Why a timer falls due when it does, or why it does not (LL-1).',
  fields: (t) => ({
    timer: t.field({ type: TimerKindEnum, description: 'The timer.', resolve: ({ timer }) => timer.kind }),
    willDo: t.field({
      type: TimerActionEnum,
      description: 'What it would do.',
      resolve: ({ timer }) => timer.action.does,
    }),
    endReason: t.field({
      type: EndReasonEnum,
      nullable: true,
      description: 'The reason the end would have; null if it does not end the conversation.',
      resolve: ({ timer: { action } }) => (action.does === 'END' ? action.reason : null),
    }),
    dueAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is due; null unless every guard passes.',
      resolve: ({ dueAt }) => dueAt,
    }),
    clock: t.field({
      type: ClockEnum,
      description: 'What it counts from.',
      resolve: ({ timer }) => timer.clock,
    }),
    clockAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Where that clock stands; null: it is not running.',
      resolve: ({ clockAt }) => clockAt,
    }),
    movedBy: t.field({
      type: Event,
      nullable: true,
      description:
        'What last moved that clock, by the reset matrix (LL-10); null where the feed does not tell.',
      resolve: ({ movedBy }) => movedBy,
    }),
    after: t.field({
      type: 'Duration',
      description: 'How long after the clock it is due, in counted time: open hours, without outages (PE-8).',
      resolve: ({ timer }) => fromMilliseconds(timer.afterMs),
    }),
    origin: t.field({
      type: Origin,
      nullable: true,
      description: 'The policy layer that set that time; null for what no policy sets.',
      resolve: ({ timer }) => timer.origin,
    }),
    guards: t.field({
      type: [GuardResult],
      description: 'All that has to be so for it to run.',
      args: { passes: t.arg.boolean({ description: 'Only those that do, or do not; absent: all.' }) },
      resolve: ({ guards }, args) => guards.filter(({ passes }) => passes === (args.passes ?? passes)),
    }),
  }),
});

const Explanation = builder.objectRef<Explained>('Explanation').implement({
  description: 'Why a conversation will end when it will, or why it will not (LL-1).',
  fields: (t) => ({
    due: t.field({
      type: Due,
      nullable: true,
      description: 'What will happen to it next by itself; null: nothing, as things stand.',
      resolve: ({ due }) => due,
    }),
    timers: t.field({
      type: [TimerExplanationType],
      description:
        'Every timer there is: the next one due first, those that will not come last. None once it has ended.',
      resolve: ({ timers }) => timers,
    }),
  }),
});

builder.objectField(Conversation, 'explanation', (t) =>
  t.field({
    type: Explanation,
    description: 'Why it will end when it will, or why it will not, by the rules in force now (LL-1).',
    async resolve(conversation, _args, { load }) {
      const asked = { conversationId: conversation.id, instants: instantsOf(conversation) };
      const [rules, steps] = await Promise.all([load.rules(), load.steps(asked)]);
      return explain(rules, conversation, steps);
    },
  }),
);
