/** Whether a database can store a text: it contains no NUL and no unpaired surrogate. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/**
 * Characters that a name does not need and that change how the surrounding text is shown: C0 and C1 controls, DEL,
 * line and paragraph separators, bidi embeddings, overrides and isolates, unpaired surrogates. The direction marks
 * U+200E and U+200F are not among them, because names in Hebrew and Arabic use them.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const EACH_UNSEEN = new RegExp(UNSEEN, 'gu');

/** The texts that `isPlain` allows, for error messages. */
export const PLAIN = 'without control characters, line breaks and bidi overrides, and well formed';

/** Whether a text has only visible characters, as names, addresses and ids must. */
export function isPlain(text: string): boolean {
  return !UNSEEN.test(text);
}

/** Removes invisible characters from a text. */
export function plainOf(text: string): string {
  return text.replace(EACH_UNSEEN, '');
}

/** Escapes invisible characters for a terminal or a log, as `\u001b`, except those in `kept`. */
export function escapeUnseen(text: string, kept = ''): string {
  return text.replace(EACH_UNSEEN, (character) =>
    kept.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
