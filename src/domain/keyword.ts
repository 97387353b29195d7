import type { ChannelRules } from './channel-rules.ts';
import type { Consent } from './closing.ts';

/** Opt-out words where carriers demand the full list: SMS and WhatsApp (PE-12). */
export const ALL_OPT_OUT_WORDS = [
  'STOP',
  'STOPALL',
  'UNSUBSCRIBE',
  'CANCEL',
  'END',
  'QUIT',
  'REVOKE',
  'OPTOUT',
  'OPT OUT',
] as const;

/** Opt-out words everywhere else, where END or CANCEL may well be an answer to a question (PE-12). */
export const PLAIN_OPT_OUT_WORDS = ['STOP', 'UNSUBSCRIBE'] as const;

/** The way back in, on every channel (PE-12). */
export const OPT_IN_WORDS = ['START', 'YES', 'UNSTOP'] as const;

/** Asking for help is no opt-out (PE-12). */
export const HELP_WORDS = ['HELP', 'INFO'] as const;

/** Too common an answer to mean consent, unless it comes from someone who opted out. */
const ONLY_WAY_BACK = 'YES';

export type Keyword = 'OPT_OUT' | 'OPT_IN' | 'HELP';

/**
 * Reads a customer's message as a keyword: the whole message, in any case, surrounding space ignored (PE-12).
 * Null where it is none. A word on two lists opts out first.
 */
export function keywordIn(
  text: string,
  words: Pick<ChannelRules, 'optOutWords' | 'optInWords' | 'helpWords'>,
  consent: Consent,
): Keyword | null {
  const said = text.trim().toLowerCase();
  const isOneOf = (list: readonly string[]) => list.some((word) => word.toLowerCase() === said);
  if (isOneOf(words.optOutWords)) return 'OPT_OUT';
  if (said === ONLY_WAY_BACK.toLowerCase() && consent !== 'OPTED_OUT') return null;
  if (isOneOf(words.optInWords)) return 'OPT_IN';
  if (isOneOf(words.helpWords)) return 'HELP';
  return null;
}
