import type { CloseMessage } from '../policy/policy.ts';

/** Why a conversation ended. */
export const END_REASONS = [
  'AUTO_CLOSE',
  'UNANSWERED',
  'PROTECTION',
  'INACTIVE',
  'QUEUE_TIMEOUT',
  'COMMAND',
  'OPT_OUT',
  'SUPERSEDED',
  'NOTIFICATION',
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Who ended it (PE-14). */
export const ENDERS = ['CUSTOMER', 'AGENT', 'SUPERVISOR', 'BOT', 'SYSTEM'] as const;
export type EndedBy = (typeof ENDERS)[number];

/** The customer's statement about receiving messages. */
export const CONSENTS = ['OPTED_IN', 'OPTED_OUT', 'UNKNOWN'] as const;
export type Consent = (typeof CONSENTS)[number];

const TIMERS_REASONS: ReadonlySet<EndReason> = new Set([
  'AUTO_CLOSE',
  'UNANSWERED',
  'PROTECTION',
  'INACTIVE',
  'QUEUE_TIMEOUT',
]);

/** Whether a timer ended it, and not a command, a message or a notification. */
export function isTimersEnd(reason: EndReason): boolean {
  return TIMERS_REASONS.has(reason);
}

/** Everything that decides what a customer sees at the end (LL-14). `settings` are those of the channel. */
export type ClosingContext<Settings> = {
  endReason: EndReason;
  endedBy: EndedBy;
  /** The version that the customer's client last reported; null if it reported none. */
  clientVersion: string | null;
  consent: Consent;
  /** Whether free text may be sent now; true on channels without a reply window (PE-4). */
  windowOpen: boolean;
  /** The policy's close message in the customer's language (PE-3); null: the channel's own text. */
  closeMessage: string | null;
  settings: Settings;
};

/** What the customer sees at the end, with the reason for each part (LL-14). */
export type Closing = {
  survey: boolean;
  closeMessage: string | null;
  /** The provider's name of the approved template that is sent instead outside the reply window (PE-4). */
  template: string | null;
  /** Whether the customer's thread shows a line where the conversation ended. */
  separator: boolean;
  reasons: { survey: string; closeMessage: string; separator: string };
};

/** The parts that an adapter would show, each as `[shown, why]`, before the rules of all channels apply. */
export type ClosingProposal = {
  survey: readonly [boolean, string];
  closeMessage: readonly [string | null, string];
  /** The replacement of the close message outside the reply window (PE-4); absent: none. */
  template?: string | null;
  separator: readonly [boolean, string];
};

/**
 * The close message for a customer's language: for the exact locale, else for its language, else the one for all
 * languages (PE-3). Null if there is none of these; the channel then uses its own text.
 */
export function closeMessageFor(messages: readonly CloseMessage[], locale: string | null): string | null {
  const [language] = locale?.split('-') ?? [];
  for (const wanted of [locale, language ?? null, null]) {
    const found = messages.find((message) => message.locale?.toLowerCase() === wanted?.toLowerCase());
    if (found) return found.text;
  }
  return null;
}

const OPTED_OUT = 'the customer opted out';
const SILENT_ENDS: Partial<Record<EndReason, string>> = {
  OPT_OUT: OPTED_OUT,
  UNANSWERED: 'the customer never wrote',
  NOTIFICATION: 'it was a notification only',
  SUPERSEDED: 'it goes on in a new conversation',
};

/**
 * Turns an adapter's proposal into the closing, by the rules of all channels. Customers who opted out see nothing
 * (SF-11), nor does anyone without a message exchange. Outside the reply window nothing is sent (PE-4), but a
 * separator stays, because the client draws it. Every part keeps its reason (LL-14).
 */
export function closingFrom(
  context: Pick<ClosingContext<unknown>, 'endReason' | 'consent' | 'windowOpen'>,
  proposal: ClosingProposal,
): Closing {
  const silent = context.consent === 'OPTED_OUT' ? OPTED_OUT : SILENT_ENDS[context.endReason];
  const { survey, closeMessage, separator } = silent === undefined ? proposal : silence(silent);
  const sendable = <T>(part: readonly [T, string], nothing: T): readonly [T, string] =>
    context.windowOpen || part[0] === nothing ? part : [nothing, 'the reply window is closed'];
  const sentSurvey = sendable(survey, false);
  const sentMessage = sendable(closeMessage, null);
  const template = context.windowOpen || closeMessage[0] === null ? null : (proposal.template ?? null);
  return {
    survey: sentSurvey[0],
    closeMessage: sentMessage[0],
    template,
    separator: separator[0],
    reasons: {
      survey: sentSurvey[1],
      closeMessage:
        template === null ? sentMessage[1] : 'the reply window is closed: the template goes out instead',
      separator: separator[1],
    },
  };
}

/** A proposal to show nothing, for one reason. */
export function silence(reason: string): ClosingProposal {
  return { survey: [false, reason], closeMessage: [null, reason], separator: [false, reason] };
}
