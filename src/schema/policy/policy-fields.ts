import type { CloseMessage, Policy, PolicyField } from '../../domain/policy/policy.ts';
import { builder } from '../core/builder.ts';
import {
  AgentMessageWhenInactiveEnum,
  AutoCloseAwaitingEnum,
  AutoCloseThenEnum,
  OpenStatusEnum,
  QueueTimeoutThenEnum,
  ResettingEnum,
} from '../core/enums.ts';

const LOCALE =
  'The language, as a BCP 47 tag such as `pt-BR`; null for all languages without a message of their own.';
const TEXT = 'The text: up to 4096 characters, and no longer than the channel allows.';
const CloseMessageType = builder.objectRef<CloseMessage>('CloseMessage').implement({
  description: 'A close message in one language (PE-3).',
  fields: (t) => ({
    locale: t.exposeString('locale', { nullable: true, description: LOCALE }),
    text: t.exposeString('text', { description: TEXT }),
  }),
});
const CloseMessageInput = builder.inputType('CloseMessageInput', {
  description: 'A close message in one language (PE-3).',
  fields: (t) => ({
    locale: t.string({ description: LOCALE }),
    text: t.string({ required: true, description: TEXT }),
  }),
});

type FieldType =
  | 'Boolean'
  | 'Duration'
  | 'ID'
  | ['Duration']
  | ['String']
  | 'String'
  | [typeof OpenStatusEnum]
  | [typeof ResettingEnum]
  | [typeof CloseMessageType]
  | typeof AgentMessageWhenInactiveEnum
  | typeof AutoCloseAwaitingEnum
  | typeof AutoCloseThenEnum
  | typeof QueueTimeoutThenEnum;
type FieldSpec = {
  type: FieldType;
  /** What it is set with, where that is of another type. */
  input?: [typeof CloseMessageInput];
  nullable?: true;
  description: string;
};

/** Every field of a policy, as the API shows it and takes it. */
export const POLICY_FIELDS: Readonly<Record<PolicyField, FieldSpec>> = {
  autoClose: {
    type: 'Boolean',
    description: 'Whether silent conversations close by themselves (LP-1, SP-2).',
  },
  autoCloseAfter: {
    type: 'Duration',
    description:
      'How long a conversation must be silent before it closes (LP-1). Only open hours count (PE-8).',
  },
  autoCloseStatuses: {
    type: [OpenStatusEnum],
    description: 'The statuses in which a conversation closes (LP-13).',
  },
  autoCloseAwaiting: {
    type: AutoCloseAwaitingEnum,
    description: 'Who must be awaited for a conversation to close (LP-6).',
  },
  autoCloseCaseStatuses: {
    type: ['String'],
    nullable: true,
    description:
      'The case statuses in which a conversation closes (SP-4). Null: in every case status, and without one.',
  },
  autoCloseThen: {
    type: AutoCloseThenEnum,
    description: 'What happens to a conversation instead of ending it (PE-9).',
  },
  remindBefore: {
    type: ['Duration'],
    description:
      'How long before the close each reminder is sent, at most three (PE-2). Empty: no reminders.',
  },
  inactivate: {
    type: 'Boolean',
    description: 'Whether a conversation becomes INACTIVE if the customer does not answer (SF-2).',
  },
  inactivateAfter: {
    type: 'Duration',
    description:
      "How long after the agent's first message since the customer's last message it becomes INACTIVE (SF-4).",
  },
  endInactive: { type: 'Boolean', description: 'Whether INACTIVE conversations end by themselves (SF-8).' },
  endInactiveAfter: {
    type: 'Duration',
    description: 'How long a conversation stays INACTIVE before it ends (SF-8).',
  },
  endUnanswered: {
    type: 'Boolean',
    description: 'Whether conversations that the business started end without a reply (SF-9).',
  },
  endUnansweredAfter: {
    type: 'Duration',
    description: 'How long after the business wrote such a conversation ends (SF-9).',
  },
  queueTimeout: {
    type: 'Boolean',
    description: 'Whether a conversation can wait in the queue only for a limited time (PE-10).',
  },
  queueTimeoutAfter: {
    type: 'Duration',
    description: 'How long a conversation can wait in the queue (PE-10).',
  },
  queueTimeoutThen: {
    type: QueueTimeoutThenEnum,
    description: 'What happens to a conversation that waited too long (PE-10).',
  },
  overflowSkillId: {
    type: 'ID',
    nullable: true,
    description: 'The skill to which OVERFLOW moves a conversation (PE-10). Null: none.',
  },
  reopenWithin: {
    type: 'Duration',
    description:
      'How long after the end a message of the customer reopens the conversation (SP-7, PE-11). PT0S: never.',
  },
  exemptManualResponseTime: {
    type: 'Boolean',
    description: 'Whether a manual response time keeps a conversation from closing (LP-7).',
  },
  botsAreAgents: {
    type: 'Boolean',
    description: 'Whether messages of bots count as messages of agents (PE-5).',
  },
  resetOn: {
    type: [ResettingEnum],
    description:
      'The activities that restart the inactivity clock, besides messages of customers and agents (LL-10). A change applies to activities that are recorded afterwards.',
  },
  closeMessages: {
    type: [CloseMessageType],
    input: [CloseMessageInput],
    description:
      "The close messages, at most 50, one for each language (PE-3). A customer gets the one in their locale, else in its language, else the one without a language. Empty: the channel's own text.",
  },
  tagOnClose: {
    type: 'String',
    nullable: true,
    description: 'A tag that every automatic end adds, up to 100 characters (PE-3). Null: none.',
  },
  optOutWords: {
    type: ['String'],
    description:
      'Words by which customers opt out, besides those of the channel: at most 50, up to 50 characters each (PE-12). The whole message must be such a word. Case, space, punctuation, quotes, emoji, invisible characters and words of thanks are ignored. Two words that differ only in these are INVALID_INPUT.',
  },
  sessionLongevity: {
    type: 'Boolean',
    description:
      'Whether a conversation that a notification started stays open for a reply. If not, it ends at once (SF-10).',
  },
  agentMessageWhenInactive: {
    type: AgentMessageWhenInactiveEnum,
    description: 'What happens when an agent writes to an INACTIVE conversation (SF-6).',
  },
  statusBasedCapacity: {
    type: 'Boolean',
    description:
      'Whether capacity depends on the status of conversations: a customer who returns to an INACTIVE conversation then gets the same agent (SF-7). It can be set only for the account, and under the profile SALESFORCE not together with `inactivate` (SF-3).',
  },
  manualInactivation: {
    type: 'Boolean',
    description:
      'Whether agents may mark a conversation INACTIVE (SF-12). It can be set only for the account.',
  },
};

/** The names of all fields. */
export const POLICY_FIELD_NAMES = Object.keys(POLICY_FIELDS) as (keyof Policy)[];
