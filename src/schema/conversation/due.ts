import type { Due as DomainDue } from '../../domain/time/timers.ts';
import { builder } from '../core/builder.ts';
import { EndReasonEnum, TimerActionEnum, TimerKindEnum } from '../core/enums.ts';
import { Origin } from '../policy/origin.ts';

export const Due = builder.objectRef<DomainDue>('Due').implement({
  description: 'The next timer of a conversation: when it fires and what it does (PE-1).',
  fields: (t) => ({
    at: t.expose('at', {
      type: 'DateTime',
      description:
        'The time at which it fires. It can lie in the past for a moment after a change of rules (SP-10).',
    }),
    timer: t.field({
      type: TimerKindEnum,
      description: 'The timer that fires next.',
      resolve: (due) => due.timer.kind,
    }),
    willDo: t.field({
      type: TimerActionEnum,
      description: 'The effect of the timer (PE-1).',
      resolve: (due) => due.timer.action.does,
    }),
    endReason: t.field({
      type: EndReasonEnum,
      nullable: true,
      description: 'The reason that the end will have; null if the timer does not end the conversation.',
      resolve: ({ timer: { action } }) => (action.does === 'END' ? action.reason : null),
    }),
    origin: t.field({
      type: Origin,
      nullable: true,
      description:
        'The policy layer that set the duration of the timer; null for holds and the system protection, which no policy sets.',
      resolve: (due) => due.timer.origin,
    }),
  }),
});
