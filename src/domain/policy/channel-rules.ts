import type { Temporal } from 'temporal-polyfill';

/** Every timer that a lane can have; what each waits for and does is in DESIGN's table of timers. */
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

/** The shortest and the longest duration that may be set, both included. */
export type Bounds = { min: Temporal.Duration; max: Temporal.Duration };

/**
 * How a profile of sessions (SALESFORCE) sees a channel. On a STANDARD one only the end without a reply and opting out
 * hold (SF-1); `agentInitiated`: whether an agent may begin a session there (SF-9).
 */
export type SessionRules = { tier: 'STANDARD' | 'ENHANCED'; agentInitiated: boolean };

/** A channel whose adapter says nothing of sessions. */
export const PLAIN_SESSIONS: SessionRules = { tier: 'ENHANCED', agentInitiated: true };

/** What a kind of channel can do. Data of its adapter: the core asks these rules and never a channel's name. */
export type ChannelRules = {
  /**
   * How far each timer may be set. `null`: the channel does not have it, and asking for it is an error (SF-2); one
   * without END_INACTIVE has no INACTIVE conversations at all. Absent: the profile's bounds alone hold.
   */
  bounds: Partial<Record<TimerKind, Bounds | null>>;
  /** Whether an ended conversation can be opened again; if not, a later message is always a new one. */
  canReopen: boolean;
  /** Whether the business may write first. A profile may forbid what the channel allows (SF-9). */
  businessInitiated: boolean;
  /** Whether an agent's message to an INACTIVE conversation starts a new one; if not, it is refused (SF-6). */
  newSessionOnAgentMessage: boolean;
  /** How a profile of sessions sees it; absent: `PLAIN_SESSIONS`. */
  sessions?: SessionRules;
  /** How long after the customer's last message free text may be sent (PE-4); null: always. */
  replyWindow: Temporal.Duration | null;
  /** The longest text that can be sent, in UTF-16 code units. */
  textLimits: { closeMessage: number };
  /** Whether a message sent twice under one id reaches the customer once. If not, an unclear send is not repeated. */
  idempotentSends: boolean;
  /** Whole messages that end the conversation, and after which nothing more is sent (PE-12, SF-11). */
  optOutWords: readonly string[];
  /** Whole messages by which a customer who opted out comes back (PE-12). */
  optInWords: readonly string[];
  /** Whole messages that ask for help, and change nothing (PE-12). */
  helpWords: readonly string[];
};
