import type { EndedBy } from '../closing/closing.ts';
import type { Keyword } from './keyword.ts';

/** The kinds of activity in the reset matrix (LL-10). */
export const ACTIVITIES = [
  'CONSUMER_MESSAGE',
  'AGENT_MESSAGE',
  'BOT_MESSAGE',
  'AUTOMATION_MESSAGE',
  'BROADCAST_MESSAGE',
  'CASE_STATUS',
  'TO_QUEUE',
  'READER_JOINED',
  'ASSIGN',
  'TAG',
  'SKILL',
  'MANUAL_RESPONSE_TIME',
  'COMMENT',
  'TRANSCRIPT_VIEWED',
  'RECEIPT',
  'CLIENT',
] as const;
export type ActivityKind = (typeof ACTIVITIES)[number];

/** The two messages that restart the inactivity clock under every policy. */
const ALWAYS: ReadonlySet<ActivityKind> = new Set(['CONSUMER_MESSAGE', 'AGENT_MESSAGE']);
/** The activities that a policy can let restart it. */
export const RESETTING = ACTIVITIES.filter((kind) => !ALWAYS.has(kind));

/**
 * Whether an activity restarts `lastActivityAt`, given the activities that a policy adds to the two messages
 * (LL-10).
 */
export function resets(resetOn: readonly ActivityKind[], activity: ActivityKind): boolean {
  return ALWAYS.has(activity) || resetOn.includes(activity);
}

/**
 * The sender of an outbound message. OWN: Lull's own messages (reminders, close messages) and their echoes (LL-9).
 */
export const SENDERS = ['AGENT', 'BOT', 'AUTOMATION', 'BROADCAST', 'OWN'] as const;
export type Sender = (typeof SENDERS)[number];

/** The provider's report about a message. */
export const RECEIPTS = ['DELIVERED', 'READ', 'FAILED'] as const;
export type ReceiptState = (typeof RECEIPTS)[number];

/** The actions on a conversation, with their fields. */
export type Action =
  | {
      kind: 'INBOUND';
      skillId?: string | null;
      clientVersion?: string;
      locale?: string;
      /** The text, for recognising keywords. It is never stored, and dropped before anything is decided. */
      text?: string;
      /** The recognised keyword (PE-12). */
      keyword?: Keyword;
    }
  | { kind: 'OUTBOUND'; sender: Sender; agentId?: string; skillId?: string | null }
  | { kind: 'START'; by: 'AGENT' | 'AUTOMATION'; agentId?: string; skillId?: string | null }
  | { kind: 'COMMENT'; agentId?: string }
  | { kind: 'TAG'; add: readonly string[]; remove: readonly string[]; agentId?: string }
  | { kind: 'ASSIGN'; agentId: string }
  | { kind: 'SKILL'; skillId: string | null }
  | { kind: 'TO_QUEUE' }
  | { kind: 'CASE_STATUS'; caseStatus: string | null; agentId?: string }
  | { kind: 'READER_JOINED'; agentId?: string }
  | { kind: 'TRANSCRIPT_VIEWED'; agentId?: string }
  | { kind: 'RECEIPT'; of: string; state: ReceiptState }
  | { kind: 'CLIENT'; clientVersion?: string; locale?: string }
  | { kind: 'MANUAL_RESPONSE_TIME'; responseAt: Date | null; agentId?: string }
  | { kind: 'INACTIVATE'; agentId?: string }
  | { kind: 'HOLD'; until: Date | null; agentId?: string }
  | { kind: 'RELEASE'; agentId?: string }
  /**
   * `reported`: it happened on the provider's platform, to the conversation that was open there at that instant.
   */
  | { kind: 'END'; by: Exclude<EndedBy, 'SYSTEM'>; agentId?: string; reported?: true }
  | { kind: 'REOPEN'; agentId?: string };
export type ActionKind = Action['kind'];

/** Every action, in the order in which the API lists them. */
export const ACTIONS = [
  'INBOUND',
  'OUTBOUND',
  'START',
  'COMMENT',
  'TAG',
  'ASSIGN',
  'SKILL',
  'TO_QUEUE',
  'CASE_STATUS',
  'READER_JOINED',
  'TRANSCRIPT_VIEWED',
  'RECEIPT',
  'CLIENT',
  'MANUAL_RESPONSE_TIME',
  'INACTIVATE',
  'HOLD',
  'RELEASE',
  'END',
  'REOPEN',
] as const satisfies readonly ActionKind[];

/** An action with its instant. `byId`: the caller named the conversation, not only its contact. */
export type Command = {
  action: Action;
  at: Date;
  /** The message's id at its channel. A known one is a duplicate and changes nothing. */
  messageId: string | null;
  byId: boolean;
};

/** The row of the reset matrix for an action; null for actions that set clocks by their own rules. */
export function activityOf(action: Action, botsAreAgents: boolean): ActivityKind | null {
  switch (action.kind) {
    case 'INBOUND':
      return 'CONSUMER_MESSAGE';
    case 'OUTBOUND':
      return action.sender === 'AGENT' || isAgentMessage(action.sender, botsAreAgents)
        ? 'AGENT_MESSAGE'
        : AUTOMATED[action.sender];
    case 'START':
      return action.by === 'AGENT' ? 'AGENT_MESSAGE' : 'AUTOMATION_MESSAGE';
    case 'COMMENT':
    case 'TAG':
    case 'ASSIGN':
    case 'SKILL':
    case 'TO_QUEUE':
    case 'CASE_STATUS':
    case 'READER_JOINED':
    case 'TRANSCRIPT_VIEWED':
    case 'RECEIPT':
    case 'CLIENT':
    case 'MANUAL_RESPONSE_TIME':
      return action.kind;
    case 'INACTIVATE':
    case 'HOLD':
    case 'RELEASE':
    case 'END':
    case 'REOPEN':
      return null;
  }
}

/** Own messages have no row: they restart no clock (LL-9). */
const AUTOMATED: Readonly<Record<Exclude<Sender, 'AGENT'>, ActivityKind | null>> = {
  BOT: 'BOT_MESSAGE',
  AUTOMATION: 'AUTOMATION_MESSAGE',
  BROADCAST: 'BROADCAST_MESSAGE',
  OWN: null,
};

/**
 * Whether a message counts as an agent's: a person's always does, a bot's if the policy says so (PE-5, SF-13).
 */
export function isAgentMessage(sender: Sender, botsAreAgents: boolean): boolean {
  return sender === 'AGENT' || (sender === 'BOT' && botsAreAgents);
}
