import type { Consent } from '../closing/closing.ts';
import type { ChannelRules } from '../policy/channel-rules.ts';
import { canonicalWords, withoutThanks } from './canonical-words.ts';

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
const ONLY_WAY_BACK = 'yes';

export type Keyword = 'OPT_OUT' | 'OPT_IN' | 'HELP';

/** The lists that a message is held against. */
type Words = Pick<ChannelRules, 'optOutWords' | 'optInWords' | 'helpWords'>;

/**
 * Reads a customer's message as a keyword (PE-12). The whole message has to be one: case, space, punctuation, quotes,
 * invisible characters and emoji do not matter, nor do thanks before it or after it. Null where it is none. A word on
 * two lists opts out first. `optOutWords`: those of the policy, beside the channel's.
 */
export function keywordIn(
  text: string,
  words: Words,
  consent: Consent,
  optOutWords: readonly string[] = [],
): Keyword | null {
  const said = canonicalWords(text);
  if (said === '') return null;
  const isOneOf = (list: readonly string[]) => canonicalsOf(list).has(said) || canonicalsOf(list).has(meant);
  const meant = withoutThanks(said);
  if (isOneOf(words.optOutWords) || isOneOf(optOutWords)) return 'OPT_OUT';
  if (meant === ONLY_WAY_BACK && consent !== 'OPTED_OUT') return null;
  if (isOneOf(words.optInWords)) return 'OPT_IN';
  if (isOneOf(words.helpWords)) return 'HELP';
  return null;
}

/** The canonical forms of a list of words. Lists of channels and policies do not change, so each is read once. */
function canonicalsOf(list: readonly string[]): ReadonlySet<string> {
  const known = canonicals.get(list);
  if (known !== undefined) return known;
  const read = new Set(list.map(canonicalWords));
  read.delete('');
  canonicals.set(list, read);
  return read;
}
const canonicals = new WeakMap<readonly string[], ReadonlySet<string>>();
