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

/** What the customer has said about being written to. */
export const CONSENTS = ['OPTED_IN', 'OPTED_OUT', 'UNKNOWN'] as const;
export type Consent = (typeof CONSENTS)[number];

const TIMERS_REASONS: ReadonlySet<EndReason> = new Set([
  'AUTO_CLOSE',
  'UNANSWERED',
  'PROTECTION',
  'INACTIVE',
  'QUEUE_TIMEOUT',
]);

/** Whether a timer ended it, and nobody's command, message or notification. */
export function isTimersEnd(reason: EndReason): boolean {
  return TIMERS_REASONS.has(reason);
}

/** All that decides what a customer sees at the end (LL-14). `settings` are those of the adapter's channel. */
export type ClosingContext<Settings> = {
  endReason: EndReason;
  endedBy: EndedBy;
  /** The version that the customer's client last reported; null where none did. */
  clientVersion: string | null;
  consent: Consent;
  /** Whether free text may be sent now; true on channels without a reply window (PE-4). */
  windowOpen: boolean;
  /** What the policy has the close message say, in the customer's language (PE-3); null: what the channel itself says. */
  closeMessage: string | null;
  settings: Settings;
};

/** What the customer sees at the end, and in words why or why not, part by part (LL-14). */
export type Closing = {
  survey: boolean;
  closeMessage: string | null;
  /** The approved template that is sent instead, outside the reply window (PE-4), by its name at the provider. */
  template: string | null;
  /** Whether the customer's thread draws a line where the conversation ended. */
  separator: boolean;
  reasons: { survey: string; closeMessage: string; separator: string };
};

/** What an adapter would show if nothing spoke against it, each part as `[shown, why]`. */
export type ClosingProposal = {
  survey: readonly [boolean, string];
  closeMessage: readonly [string | null, string];
  /** What may stand in for the close message outside the reply window (PE-4); absent: nothing. */
  template?: string | null;
  separator: readonly [boolean, string];
};

/**
 * The close message for a customer's language: that of the very locale, else of its language alone, else the one for
 * all (PE-3). Null where there is none of these: then the channel says what it says.
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
 * Turns an adapter's proposal into the closing, under the rules that hold on every channel: who opted out gets
 * nothing (SF-11), nor does anyone where there was no exchange to close; and outside the reply window nothing
 * is sent (PE-4), though a separator, which the client draws by itself, stays. Every part keeps its reason (LL-14).
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

/** A proposal to show nothing at all, for one reason. */
export function silence(reason: string): ClosingProposal {
  return { survey: [false, reason], closeMessage: [null, reason], separator: [false, reason] };
}
