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
  'The language, as BCP 47 names it, such as `pt-BR`; null: for all languages without a message of their own.';
const TEXT = 'What it says: up to 4096 characters, and to what the channel can carry.';
const CloseMessageType = builder.objectRef<CloseMessage>('CloseMessage').implement({
  description: 'What customers are told at the end, in one language (PE-3).',
  fields: (t) => ({
    locale: t.exposeString('locale', { nullable: true, description: LOCALE }),
    text: t.exposeString('text', { description: TEXT }),
  }),
});
const CloseMessageInput = builder.inputType('CloseMessageInput', {
  description: 'What customers are told at the end, in one language (PE-3).',
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
  autoClose: { type: 'Boolean', description: 'Whether quiet conversations are closed (LP-1, SP-2).' },
  autoCloseAfter: {
    type: 'Duration',
    description: 'Quiet for this long, a conversation is closed (LP-1). Counted in open hours (PE-8).',
  },
  autoCloseStatuses: { type: [OpenStatusEnum], description: 'The statuses in which it is closed (LP-13).' },
  autoCloseAwaiting: {
    type: AutoCloseAwaitingEnum,
    description: 'While who is awaited it is closed (LP-6).',
  },
  autoCloseCaseStatuses: {
    type: ['String'],
    nullable: true,
    description: 'The case statuses in which it is closed (SP-4). Null: in all, and without one.',
  },
  autoCloseThen: { type: AutoCloseThenEnum, description: 'What happens then (PE-9).' },
  remindBefore: {
    type: ['Duration'],
    description: 'How long before the close a warning goes out, at most three (PE-2). Empty: none.',
  },
  inactivate: {
    type: 'Boolean',
    description: 'Whether a conversation becomes INACTIVE when the customer does not answer (SF-2).',
  },
  inactivateAfter: {
    type: 'Duration',
    description: "How long after the agent's first message since the customer's last (SF-4).",
  },
  endInactive: { type: 'Boolean', description: 'Whether INACTIVE conversations end (SF-8).' },
  endInactiveAfter: { type: 'Duration', description: 'How long after becoming INACTIVE (SF-8).' },
  endUnanswered: {
    type: 'Boolean',
    description: 'Whether conversations that the business began end without a reply (SF-9).',
  },
  endUnansweredAfter: { type: 'Duration', description: 'How long after the business wrote (SF-9).' },
  queueTimeout: { type: 'Boolean', description: 'Whether waiting in the queue has an end (PE-10).' },
  queueTimeoutAfter: { type: 'Duration', description: 'How long after it began to wait (PE-10).' },
  queueTimeoutThen: { type: QueueTimeoutThenEnum, description: 'What happens then (PE-10).' },
  overflowSkillId: {
    type: 'ID',
    nullable: true,
    description: 'The skill that OVERFLOW sends to (PE-10). Null: none.',
  },
  reopenWithin: {
    type: 'Duration',
    description:
      'How long after its end a message of the customer reopens a conversation (SP-7, PE-11). PT0S: never.',
  },
  exemptManualResponseTime: {
    type: 'Boolean',
    description: 'Whether the promise of an answer keeps a conversation from closing (LP-7).',
  },
  botsAreAgents: { type: 'Boolean', description: "Whether bots' messages count as agents' (PE-5)." },
  resetOn: {
    type: [ResettingEnum],
    description:
      'Which activities move the clock of inactivity, beside messages of customers and agents (LL-10). Holds for those recorded from then on.',
  },
  closeMessages: {
    type: [CloseMessageType],
    input: [CloseMessageInput],
    description:
      "The close message by language, at most 50: that of the customer's locale, else of its language, else the one without a language (PE-3). Empty: what the channel says by itself.",
  },
  tagOnClose: {
    type: 'String',
    nullable: true,
    description: 'The tag that every automatic end adds, up to 100 characters (PE-3). Null: none.',
  },
  optOutWords: {
    type: ['String'],
    description:
      'Words by which customers opt out, beside those of the channel; at most 50, of up to 50 characters (PE-12). The whole message has to be one. Case, space, punctuation, quotes, emoji and invisible characters do not matter, nor do thanks around it. Two words that differ in nothing else are INVALID_INPUT.',
  },
  sessionLongevity: {
    type: 'Boolean',
    description:
      'Whether a conversation that a notification began stays open for a reply; else it ends at once (SF-10).',
  },
  agentMessageWhenInactive: {
    type: AgentMessageWhenInactiveEnum,
    description: "What an agent's message to an INACTIVE conversation does (SF-6).",
  },
  statusBasedCapacity: {
    type: 'Boolean',
    description:
      "Whether agents' capacity follows the status of their work: a customer who comes back to an INACTIVE conversation finds the same agent (SF-7). Set on the account alone; with profile SALESFORCE not together with `inactivate` (SF-3).",
  },
  manualInactivation: {
    type: 'Boolean',
    description: 'Whether a conversation may be marked INACTIVE by hand (SF-12). Set on the account alone.',
  },
};

/** The names of all fields. */
export const POLICY_FIELD_NAMES = Object.keys(POLICY_FIELDS) as (keyof Policy)[];
