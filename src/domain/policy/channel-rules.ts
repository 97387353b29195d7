import type { Temporal } from 'temporal-polyfill';

/** All timers. `domain/time/timers.ts` says what each waits for and does. */
export const TIMER_KINDS = [
  'INACTIVATE',
  'REMIND',
  'AUTO_CLOSE',
  'END_INACTIVE',
  'END_UNANSWERED',
  'QUEUE_TIMEOUT',
  'RELEASE_HOLD',
  'PROTECT',
] as const;
export type TimerKind = (typeof TIMER_KINDS)[number];

/** The shortest and the longest allowed duration, inclusive. */
export type Bounds = { min: Temporal.Duration; max: Temporal.Duration };

/**
 * The kind of channel under a profile of sessions (SALESFORCE). On a STANDARD channel sessions end only without a
 * reply or by an opt-out (SF-1). `agentInitiated`: whether an agent may start a session there (SF-9).
 */
export type SessionRules = { tier: 'STANDARD' | 'ENHANCED'; agentInitiated: boolean };

/** The kind of a channel whose adapter does not mention sessions. */
export const PLAIN_SESSIONS: SessionRules = { tier: 'ENHANCED', agentInitiated: true };

/**
 * The abilities of a kind of channel, as data of its adapter. The core uses these rules and never a channel's
 * name.
 */
export type ChannelRules = {
  /**
   * The bounds of each timer. `null`: the channel does not have it, and setting it is an error (SF-2). Without
   * END_INACTIVE it has no INACTIVE conversations. Absent: the profile's bounds apply.
   */
  bounds: Partial<Record<TimerKind, Bounds | null>>;
  /** Whether an ended conversation can be reopened. If not, a later message always starts a new one. */
  canReopen: boolean;
  /** Whether the business may write first. A profile may forbid what the channel allows (SF-9). */
  businessInitiated: boolean;
  /**
   * Whether an agent's message to an INACTIVE conversation starts a new one. If not, it is refused (SF-6).
   */
  newSessionOnAgentMessage: boolean;
  /** The kind of channel under a profile of sessions; absent: `PLAIN_SESSIONS`. */
  sessions?: SessionRules;
  /** How long after the customer's last message free text may be sent (PE-4); null: always. */
  replyWindow: Temporal.Duration | null;
  /** The longest text that can be sent, in UTF-16 code units. */
  textLimits: { closeMessage: number };
  /**
   * Whether a message that is sent twice with one id reaches the customer once. If not, an unclear send is not
   * repeated.
   */
  idempotentSends: boolean;
  /**
   * Messages by which customers opt out, which end the conversation (PE-12, SF-11). The whole message must match.
   */
  optOutWords: readonly string[];
  /** Messages by which a customer who opted out opts in again (PE-12). */
  optInWords: readonly string[];
  /** Messages that ask for help and change nothing (PE-12). */
  helpWords: readonly string[];
};
