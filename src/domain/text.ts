/** Whether a database can hold a text: it has no NUL and no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/**
 * Characters that nobody needs in a name, and that change how what stands around them is shown: C0 and C1 controls and DEL,
 * separators of lines and paragraphs, bidi embeddings, overrides and isolates, halves of surrogate pairs. Marks that only tell
 * a direction (U+200E, U+200F) are not among them: names in Hebrew and Arabic are written with them.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const EACH_UNSEEN = new RegExp(UNSEEN, 'gu');

/** What `isPlain` allows, for the errors that say so. */
export const PLAIN = 'without control characters, line breaks and bidi overrides, and well formed';

/** Whether a text has only characters that show: what names, addresses and ids are to be. */
export function isPlain(text: string): boolean {
  return !UNSEEN.test(text);
}

/** A text without the characters that do not show. */
export function plainOf(text: string): string {
  return text.replace(EACH_UNSEEN, '');
}

/** A text for a terminal or a log, with characters that do not show as `\u001b`; those in `kept` stay as they are. */
export function escapeUnseen(text: string, kept = ''): string {
  return text.replace(EACH_UNSEEN, (character) =>
    kept.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
