import type { EndedBy, EndReason } from '../closing/closing.ts';

/** Where a conversation stands: NEW is business-initiated and unanswered, WAITING has nobody assigned. */
export const STATUSES = ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE', 'ENDED'] as const;
export type Status = (typeof STATUSES)[number];
export type OpenStatus = Exclude<Status, 'ENDED'>;

/** Who has to write next. */
export const AWAITED = ['CONSUMER', 'AGENT'] as const;
export type Awaiting = (typeof AWAITED)[number];

/** Who began it. */
export const STARTERS = ['CUSTOMER', 'AGENT', 'AUTOMATION'] as const;
export type Starter = (typeof STARTERS)[number];

/** How a conversation ended; kept until it is reopened. */
export type Ending = {
  at: Date;
  reason: EndReason;
  by: EndedBy;
  /** The agent assigned at the end, who gets the credit (SP-8). */
  creditedAgentId: string | null;
  /** The status it had before, to which a revoked end returns (LL-2). */
  formerStatus: OpenStatus;
  /** The rules it ended under; all ends of one version are a run. */
  rulesVersion: number;
  /** Whole milliseconds between the earliest instant it could have been ended at and `at`; null for an end by command. */
  latenessMs: number | null;
};

/** One conversation: facts and clocks. No deadline is stored anywhere. */
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
  /** When the hold ends by itself; null: only by release or a consumer message. */
  heldUntil: Date | null;
  /** When an agent promised to answer (LP-7); cleared by the next consumer message. */
  manualResponseAt: Date | null;
  tags: readonly string[];
  /** Reminders sent since the clock of inactivity last started: by a message, a release, a reopening (PE-2). */
  stage: number;
  /** Whether a queue timeout has already sent it to the overflow skill. */
  overflowed: boolean;
  startedBy: Starter;
  startedAt: Date;
  /**
   * The clock of inactivity; what moves it is the reset matrix. It goes back only where a late activity shows that it
   * should never have been there: a message that came first, and began nothing after all.
   */
  lastActivityAt: Date;
  /** Since when the consumer is awaited; null while the agent is, but for a NEW one of which nothing has arrived (LL-8). */
  awaitingSince: Date | null;
  /** When it took its status: the instant that was acted at, not the activity's. */
  statusSince: Date;
  /** The time of the newest activity of any kind; one older than this is late and is folded in at its place. */
  newestAt: Date;
  /** When a command last gave it a lane or a clock; no lateness is counted from before. */
  placedAt: Date;
  ending: Ending | null;
  /** The contact's conversation before this one. */
  previousId: string | null;
  /** How many events it has; the newest event's number. */
  revision: number;
};

/** The clocks a timer can run on. */
export const CLOCKS = ['lastActivityAt', 'awaitingSince', 'statusSince', 'heldUntil'] as const;
export type ClockName = (typeof CLOCKS)[number];

/** The later of two instants. */
export function later(a: Date, b: Date): Date {
  return a < b ? b : a;
}

/** All facts a policy can select on. Conversations that agree on them share a lane, and with it their timers. */
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

/** Whether it is still open, that is: not ended. */
export function isOpen(conversation: Conversation): boolean {
  return conversation.status !== 'ENDED';
}

/** The lane facts of an open conversation; null for an ended one, which is in no lane. `exemptTags` are the account's (PE-7). */
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

/** The clocks that a timer of some rules could run on in a lane. */
export function clocksOf({ status, held }: LaneFacts): ClockName[] {
  const ofStatus = status === 'NEW' || status === 'ACTIVE' ? 'awaitingSince' : 'statusSince';
  return ['lastActivityAt', ofStatus, ...(held ? (['heldUntil'] as const) : [])];
}

/** One string a set of facts, the same for equal facts; a key for maps, stored nowhere. */
export function laneKey(facts: LaneFacts): string {
  const { channelId, skillId, status, awaiting, held, manualResponseTime, exempt, stage, overflowed } = facts;
  // The one text that may be anything comes last.
  return `${channelId} ${skillId} ${status} ${awaiting} ${held} ${manualResponseTime} ${exempt} ${stage} ${overflowed} ${JSON.stringify(facts.caseStatus)}`;
}
