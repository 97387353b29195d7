import type { Due as DomainDue } from '../../domain/time/timers.ts';
import { builder } from '../core/builder.ts';
import { EndReasonEnum, TimerActionEnum, TimerKindEnum } from '../core/enums.ts';
import { Origin } from '../policy/origin.ts';

/** What will happen next to a conversation by itself. */
export const Due = builder.objectRef<DomainDue>('Due').implement({
  description: 'What will happen to a conversation by itself, and when (PE-1).',
  fields: (t) => ({
    at: t.field({
      type: 'DateTime',
      description:
        'When it is due. May lie in the past just after a change of rules, before the wake (SP-10).',
      resolve: (due) => due.at,
    }),
    timer: t.field({
      type: TimerKindEnum,
      description: 'The timer that falls due.',
      resolve: (due) => due.timer.kind,
    }),
    willDo: t.field({
      type: TimerActionEnum,
      description: 'What it will do then (PE-1).',
      resolve: (due) => due.timer.action.does,
    }),
    endReason: t.field({
      type: EndReasonEnum,
      nullable: true,
      description: 'The reason the end will have; null if it does not end the conversation.',
      resolve: ({ timer: { action } }) => (action.does === 'END' ? action.reason : null),
    }),
    origin: t.field({
      type: Origin,
      nullable: true,
      description:
        'Where its time comes from; null for what no policy sets: holds and the system protection.',
      resolve: (due) => due.timer.origin,
    }),
  }),
});
