import { z } from 'zod';
import { type ClosingContext, type ClosingProposal, isTimersEnd } from '../../domain/closing/closing.ts';
import { HELP_WORDS, OPT_IN_WORDS, PLAIN_OPT_OUT_WORDS } from '../../domain/conversation/keyword.ts';
import { destination } from '../settings.ts';
import { fitting } from './text-channel.ts';

/** What the client of a channel on Lull's own wire is configured to show when a conversation ends. */
export const clientSettings = {
  showSurvey: z.boolean().default(false).describe('Whether the client asks for a survey at the end'),
  showCloseMessage: z.boolean().default(false).describe('Whether the client shows a message at the end'),
};

/** Where the platform takes what is to be shown; shared by the channels on Lull's own wire. */
export const deliverUrl = destination(z.url({ protocol: /^https?$/ }).optional()).describe(
  'Where messages to the customer are posted; without it the platform reads them from the events',
);

/** Rules that the channels on Lull's own wire share: a customer can be written to at any time, and comes back. */
export const ownWireRules = {
  // INACTIVATE exists on all of them (SF-2); how long it may be is the profile's affair.
  bounds: {},
  canReopen: true,
  businessInitiated: true,
  replyWindow: null,
  textLimits: { closeMessage: 4000 },
  idempotentSends: true,
  optOutWords: PLAIN_OPT_OUT_WORDS,
  optInWords: OPT_IN_WORDS,
  helpWords: HELP_WORDS,
} as const;

/** What LivePerson's clients write when an automatic close is not silent (LP-9). */
export const RESOLVED_BY_YOU = 'Conversation resolved by you';

type Shown = { showSurvey: boolean; showCloseMessage: boolean };

/** Survey and close message, each only if the client's configuration shows it (LP-9); `limit` is the longest text. */
export function asConfigured(
  { endReason, endedBy, closeMessage, settings }: ClosingContext<Shown>,
  separator: ClosingProposal['separator'],
  limit: number = ownWireRules.textLimits.closeMessage,
): ClosingProposal {
  const why = (shown: boolean) => `the client is configured ${shown ? '' : 'not '}to show it`;
  const text =
    closeMessage ??
    (endedBy === 'CUSTOMER' || isTimersEnd(endReason) ? RESOLVED_BY_YOU : 'Conversation resolved');
  return {
    survey: [settings.showSurvey, why(settings.showSurvey)],
    closeMessage: settings.showCloseMessage ? fitting(text, limit, why(true)) : [null, why(false)],
    separator,
  };
}
