import { BOUNDS } from '../bounds.ts';

/** A text that is longer than this, space around it apart, is no word: it is not looked at. */
const MAX_LENGTH = BOUNDS.keywordText.max;

/** Characters that nobody sees: zero-width, soft hyphens, variation selectors, marks of direction, controls. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]|(?!\s)\p{Cc}/gu;
/** Emoji, those among digits and letters too: keycaps, ℹ, Ⓜ, ™. Plain digits are none. */
const EMOJI = /[0-9#*]\u20e3|[\p{Extended_Pictographic}\p{Emoji_Presentation}\p{Emoji_Modifier}]/gu;
/** Space, punctuation, quotes and symbols: whatever separates words. */
const BETWEEN_WORDS = /[^\p{L}\p{M}\p{N}]+/gu;

/**
 * The words of a text in the one form in which words are compared, a space between them: without regard to case,
 * punctuation, quotes, emoji, invisible characters, width and style of letters (NFKC), composed or not. Empty where
 * there is no word, or the text is too long to be one.
 */
export function canonicalWords(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return '';
  const folded = foldCase(trimmed.replace(INVISIBLE, '').replace(EMOJI, ' ').normalize('NFKC'));
  return folded.normalize('NFKC').replace(BETWEEN_WORDS, ' ').trim();
}

/**
 * Folds case: ẞ and ß become ss, and both forms of sigma one. The dotted and the dotless i of Turkish become i, for a
 * Turkish keyboard writes QUİT and quıt.
 */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ').replaceAll('i\u0307', 'i');
}

/** How people say thanks before or after what they mean, by language. */
const THANKS: Readonly<Record<string, readonly string[]>> = {
  en: [
    ...['thank you very much', 'thank you so much', 'thank you', 'thank u', 'thanks a lot', 'thanks so much'],
    ...['many thanks', 'thanks', 'thx', 'thnx', 'tnx', 'ty', 'cheers'],
  ],
  de: ['vielen dank', 'danke schön', 'dankeschön', 'danke sehr', 'danke', 'besten dank', 'lieben dank'],
  es: ['muchas gracias', 'gracias'],
  fr: ['merci beaucoup', 'merci bien', 'merci'],
  it: ['grazie mille', 'molte grazie', 'grazie'],
  nl: ['dank u wel', 'dank je wel', 'dank u', 'dank je', 'dankjewel', 'bedankt'],
  pt: ['muito obrigado', 'muito obrigada', 'obrigado', 'obrigada'],
};
/** What people add after what they ask for. Before it, it may ask for anything: “please stop” is no keyword. */
const PLEASE: Readonly<Record<string, readonly string[]>> = {
  en: ['please', 'pls', 'plz'],
  de: ['bitte'],
  es: ['por favor'],
  fr: ["s'il vous plaît", "s'il te plaît", 'svp', 'stp'],
  it: ['per favore', 'per piacere'],
  nl: ['alstublieft', 'alsjeblieft', 'aub'],
  pt: ['por favor'],
};
const BEFORE = Object.values(THANKS).flat().map(canonicalWords);
const AFTER = [...BEFORE, ...Object.values(PLEASE).flat().map(canonicalWords)];

/** What a text in canonical form says without thanks around it; a text that is nothing but thanks stays. */
export function withoutThanks(said: string): string {
  let rest = said;
  for (;;) {
    const before = BEFORE.find((thanks) => rest.startsWith(`${thanks} `));
    const after = AFTER.find((thanks) => rest.endsWith(` ${thanks}`));
    if (before !== undefined) rest = rest.slice(before.length + 1);
    else if (after !== undefined) rest = rest.slice(0, -after.length - 1);
    else return rest;
  }
}
