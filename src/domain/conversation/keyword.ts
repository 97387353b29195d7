import type { Consent } from '../closing/closing.ts';
import type { ChannelRules } from '../policy/channel-rules.ts';
import { canonicalWords, withoutThanks } from './canonical-words.ts';

/** The opt-out words on SMS and WhatsApp, where carriers demand the full list (PE-12). */
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

/** The opt-out words on other channels, where END or CANCEL may be an answer to a question (PE-12). */
export const PLAIN_OPT_OUT_WORDS = ['STOP', 'UNSUBSCRIBE'] as const;

/** The opt-in words on every channel (PE-12). */
export const OPT_IN_WORDS = ['START', 'YES', 'UNSTOP'] as const;

/** The words that ask for help, which is no opt-out (PE-12). */
export const HELP_WORDS = ['HELP', 'INFO'] as const;

/** Too common an answer to mean consent, unless the customer opted out before. */
const ONLY_WAY_BACK = 'yes';

export type Keyword = 'OPT_OUT' | 'OPT_IN' | 'HELP';

/** The lists with which a message is compared. */
type Words = Pick<ChannelRules, 'optOutWords' | 'optInWords' | 'helpWords'>;

/**
 * Recognises a customer's message as a keyword (PE-12). The whole message must be a keyword; case, space,
 * punctuation, quotes, invisible characters, emoji and words of thanks around it are ignored. Null if it is none.
 * A word on two lists is an opt-out first. `optOutWords` are those of the policy, besides the channel's.
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

/** The canonical forms of a list of words. Lists never change, so each is computed once. */
function canonicalsOf(list: readonly string[]): ReadonlySet<string> {
  const known = canonicals.get(list);
  if (known !== undefined) return known;
  const read = new Set(list.map(canonicalWords));
  read.delete('');
  canonicals.set(list, read);
  return read;
}
const canonicals = new WeakMap<readonly string[], ReadonlySet<string>>();
