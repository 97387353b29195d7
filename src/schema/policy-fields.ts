import type { Policy, PolicyField } from '../domain/policy.ts';
import { AutoCloseAwaitingEnum, AutoCloseThenEnum, OpenStatusEnum, QueueTimeoutThenEnum } from './enums.ts';

type FieldType =
  | 'Boolean'
  | 'Duration'
  | 'ID'
  | ['Duration']
  | ['String']
  | [typeof OpenStatusEnum]
  | typeof AutoCloseAwaitingEnum
  | typeof AutoCloseThenEnum
  | typeof QueueTimeoutThenEnum;
type FieldSpec = { type: FieldType; nullable?: true; description: string };

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
};

/** The names of all fields. */
export const POLICY_FIELD_NAMES = Object.keys(POLICY_FIELDS) as (keyof Policy)[];
