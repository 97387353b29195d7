import { BOUNDS } from '../../domain/bounds.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import { isPlain, isStorable, PLAIN } from '../../domain/text.ts';

export { isStorable };

/**
 * Checks a text before it is stored, such as a name, an address or a reason. Refuses invisible characters, among them those
 * that Postgres cannot store (NUL, half a surrogate pair).
 * @throws InvalidInputError naming `field`
 */
export function readText(text: string, field: string, maxLength: number): string {
  if (text.trim() === '' || text.length > maxLength || !isPlain(text))
    throw new InvalidInputError(
      field,
      `a text of 1 to ${maxLength} characters, not only spaces, ${PLAIN}, is allowed`,
    );
  return text;
}

/** Characters of a name. */
export const MAX_NAME = BOUNDS.name.max;

/** Reads a name. @throws InvalidInputError naming `name` */
export function readName(name: string): string {
  return readText(name, 'name', MAX_NAME);
}

/** Describes the argument that `readWhy` reads. */
export const WHY = 'The reason, for the history of the rules: up to 1000 characters.';

/** Reads the reason for a change of rules; null if there is none. @throws InvalidInputError naming `why` */
export function readWhy(why: string | null | undefined): string | null {
  return why ? readText(why, 'why', BOUNDS.why.max) : null;
}

/** Levels of nested lists and objects in stored JSON. */
export const MAX_NESTED = BOUNDS.settingsLevels.max;

/** Whether Postgres can store all its strings, and its nesting is at most `MAX_NESTED` levels. */
export function isStorableJson(value: unknown, nested = 0): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (nested === MAX_NESTED) return false;
  return Object.entries(value).every(([key, each]) => isStorable(key) && isStorableJson(each, nested + 1));
}
