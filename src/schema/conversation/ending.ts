import type { Ending as DomainEnding } from '../../domain/conversation/conversation.ts';
import { builder } from '../core/builder.ts';
import { EndedByEnum, EndReasonEnum } from '../core/enums.ts';
import { Agent } from '../core/named.ts';

export const Ending = builder.objectRef<DomainEnding>('Ending').implement({
  description: 'The end of a conversation. Reopening the conversation removes it.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'The time of the end.' }),
    reason: t.expose('reason', {
      type: EndReasonEnum,
      description: 'The reason for the end.',
    }),
    by: t.expose('by', {
      type: EndedByEnum,
      description: 'The role that ended it (PE-14).',
    }),
    creditedAgent: t.field({
      type: Agent,
      nullable: true,
      description:
        'The agent who was assigned at the end and is credited with it in reports; null if nobody was (SP-8).',
      resolve: ({ creditedAgentId }, _args, { load }) => load.agent(creditedAgentId),
    }),
    latenessMs: t.exposeFloat('latenessMs', {
      nullable: true,
      description:
        'The delay of an automatic end, in whole milliseconds after the earliest possible time (LL-13); null for an end by command.',
    }),
    rulesVersion: t.exposeInt('rulesVersion', {
      description:
        'The version of the rules that was in force. All automatic ends under one version form a run.',
    }),
  }),
});
