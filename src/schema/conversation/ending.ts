import type { Ending as DomainEnding } from '../../domain/conversation/conversation.ts';
import { builder } from '../core/builder.ts';
import { EndedByEnum, EndReasonEnum } from '../core/enums.ts';
import { Agent } from '../core/named.ts';

export const Ending = builder.objectRef<DomainEnding>('Ending').implement({
  description: 'How a conversation ended; gone once it is reopened.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'When.', resolve: (ending) => ending.at }),
    reason: t.field({ type: EndReasonEnum, description: 'Why.', resolve: (ending) => ending.reason }),
    by: t.field({ type: EndedByEnum, description: 'Who ended it (PE-14).', resolve: (ending) => ending.by }),
    creditedAgent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent assigned at the end, who gets the credit; null: nobody does (SP-8).',
      resolve: ({ creditedAgentId }, _args, { load }) => load.agent(creditedAgentId),
    }),
    latenessMs: t.exposeFloat('latenessMs', {
      nullable: true,
      description:
        'Whole milliseconds after the earliest instant at which it could have been ended (LL-13); null for an end by command.',
    }),
    rulesVersion: t.exposeInt('rulesVersion', {
      description: 'The rules it ended under: all ends of one version are a run.',
    }),
  }),
});
