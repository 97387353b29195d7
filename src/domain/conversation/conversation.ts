import type { EndedBy, EndReason } from '../closing/closing.ts';

/** The status. NEW: started by the business and unanswered. WAITING: no agent is assigned. */
export const STATUSES = ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE', 'ENDED'] as const;
export type Status = (typeof STATUSES)[number];
export type OpenStatus = Exclude<Status, 'ENDED'>;

/** Who is expected to write next. */
export const AWAITED = ['CONSUMER', 'AGENT'] as const;
export type Awaiting = (typeof AWAITED)[number];

/** Who started it. */
export const STARTERS = ['CUSTOMER', 'AGENT', 'AUTOMATION'] as const;
export type Starter = (typeof STARTERS)[number];

/** How a conversation ended. It is kept until a reopening. */
export type Ending = {
  at: Date;
  reason: EndReason;
  by: EndedBy;
  /** The agent assigned at the end, who gets the credit (SP-8). */
  creditedAgentId: string | null;
  /** The status before the end, to which a revoked end returns (LL-2). */
  formerStatus: OpenStatus;
  /** The rules version at the end. All automatic ends of one version are a run. */
  rulesVersion: number;
  /** Whole milliseconds from the earliest possible instant of the end to `at`; null for an end by command. */
  latenessMs: number | null;
};

/** One conversation: its facts and clocks. No deadline is stored. */
export type Conversation = {
  accountId: string;
  id: string;
  contactId: string;
  channelId: string;
  skillId: string | null;
  status: Status;
  awaiting: Awaiting;
  agentId: string | null;
  caseStatus: string | null;
  held: boolean;
  /** When the hold ends by itself; null: only by a release or a message of the customer. */
  heldUntil: Date | null;
  /** When an agent promised to answer (LP-7); cleared by the customer's next message. */
  manualResponseAt: Date | null;
  tags: readonly string[];
  /** Reminders sent since the inactivity clock last restarted (PE-2). */
  stage: number;
  /** Whether a queue timeout has moved it to the overflow skill. */
  overflowed: boolean;
  startedBy: Starter;
  startedAt: Date;
  /**
   * The inactivity clock, restarted by the reset matrix. It moves back only if a late activity shows that it
   * should never have been there: a message that arrived first and turned out to start nothing.
   */
  lastActivityAt: Date;
  /**
   * Since when the customer is awaited; null while the agent is, except in a NEW conversation whose messages all
   * failed (LL-8).
   */
  awaitingSince: Date | null;
  /** When it got its status, by the time of acting, not of the activity. */
  statusSince: Date;
  /** The time of the newest activity of any kind. An older activity is late and is inserted at its place. */
  newestAt: Date;
  /** When a command last changed its lane or a clock. No lateness is counted from before. */
  placedAt: Date;
  ending: Ending | null;
  /** The contact's previous conversation. */
  previousId: string | null;
  /** The number of its events, and of its newest event. */
  revision: number;
};

/** The clocks that a timer can count from. */
export const CLOCKS = ['lastActivityAt', 'awaitingSince', 'statusSince', 'heldUntil'] as const;
export type ClockName = (typeof CLOCKS)[number];

/** The later of two instants. */
export function later(a: Date, b: Date): Date {
  return a < b ? b : a;
}

/** All facts that a policy can select by. Conversations with the same facts share a lane and its timers. */
export type LaneFacts = {
  channelId: string;
  skillId: string | null;
  status: OpenStatus;
  awaiting: Awaiting;
  caseStatus: string | null;
  held: boolean;
  manualResponseTime: boolean;
  exempt: boolean;
  stage: number;
  overflowed: boolean;
};

/** Whether it has not ended. */
export function isOpen(conversation: Conversation): boolean {
  return conversation.status !== 'ENDED';
}

/**
 * The lane facts of an open conversation; null for an ended one, which is in no lane. `exemptTags` are the
 * account's (PE-7).
 */
export function factsOf(conversation: Conversation, exemptTags: ReadonlySet<string>): LaneFacts | null {
  if (conversation.status === 'ENDED') return null;
  return {
    channelId: conversation.channelId,
    skillId: conversation.skillId,
    status: conversation.status,
    awaiting: conversation.awaiting,
    caseStatus: conversation.caseStatus,
    held: conversation.held,
    manualResponseTime: conversation.manualResponseAt !== null,
    exempt: conversation.tags.some((tag) => exemptTags.has(tag)),
    stage: conversation.stage,
    overflowed: conversation.overflowed,
  };
}

/** The clocks that a timer of any rules could use in a lane. */
export function clocksOf({ status, held }: LaneFacts): ClockName[] {
  const ofStatus = status === 'NEW' || status === 'ACTIVE' ? 'awaitingSince' : 'statusSince';
  return ['lastActivityAt', ofStatus, ...(held ? (['heldUntil'] as const) : [])];
}

/** A string that is the same for equal facts; used as the key of maps and never stored. */
export function laneKey(facts: LaneFacts): string {
  const { channelId, skillId, status, awaiting, held, manualResponseTime, exempt, stage, overflowed } = facts;
  // The only free text comes last.
  return `${channelId} ${skillId} ${status} ${awaiting} ${held} ${manualResponseTime} ${exempt} ${stage} ${overflowed} ${JSON.stringify(facts.caseStatus)}`;
}
