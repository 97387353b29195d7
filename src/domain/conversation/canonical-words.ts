import { BOUNDS } from '../bounds.ts';

/** A longer text, without surrounding space, is no keyword and is not examined. */
const MAX_LENGTH = BOUNDS.keywordText.max;

/** Invisible characters: zero-width, soft hyphens, variation selectors, direction marks, controls. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]|(?!\s)\p{Cc}/gu;
/** Emoji, including those among digits and letters: keycaps, ℹ, Ⓜ, ™. Plain digits are not included. */
const EMOJI = /[0-9#*]\u20e3|[\p{Extended_Pictographic}\p{Emoji_Presentation}\p{Emoji_Modifier}]/gu;
/** Space, punctuation, quotes and symbols, which separate words. */
const BETWEEN_WORDS = /[^\p{L}\p{M}\p{N}]+/gu;

/**
 * The canonical form in which words are compared, separated by spaces. It ignores case, punctuation, quotes,
 * emoji, invisible characters, and the width, style and composition of letters (NFKC). Empty if there is no word
 * or the text is too long.
 */
export function canonicalWords(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return '';
  const folded = foldCase(trimmed.replace(INVISIBLE, '').replace(EMOJI, ' ').normalize('NFKC'));
  return folded.normalize('NFKC').replace(BETWEEN_WORDS, ' ').trim();
}

/**
 * Folds case: ẞ and ß become ss, and both forms of sigma become one. The dotted and the dotless i become i,
 * because a Turkish keyboard writes QUİT and quıt.
 */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ').replaceAll('i\u0307', 'i');
}

/** Words of thanks before or after a keyword, by language. */
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
/** Words of request after a keyword. Before it they can mean anything: “please stop” is no keyword. */
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

/** Removes words of thanks around a text in canonical form. A text that consists of them stays. */
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
