import { BOUNDS } from '../domain/bounds.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { isStorable } from '../domain/text.ts';

export { isStorable };

/**
 * Checks a text that is to be stored. What a database cannot hold (NUL, half a surrogate pair) is refused here.
 * @throws InvalidInputError naming `field`
 */
export function readText(text: string, field: string, maxLength: number): string {
  if (text.trim() === '' || text.length > maxLength || !isStorable(text))
    throw new InvalidInputError(
      field,
      `a text of 1 to ${maxLength} characters, not all space, without NUL and well formed, is allowed`,
    );
  return text;
}

/** How long a name may be, in characters. */
export const MAX_NAME = BOUNDS.name.max;

/** Reads a name. @throws InvalidInputError naming `name` */
export function readName(name: string): string {
  return readText(name, 'name', MAX_NAME);
}

/** Reads the reason of a change of rules; null without one. @throws InvalidInputError naming `why` */
export function readWhy(why: string | null | undefined): string | null {
  return why ? readText(why, 'why', BOUNDS.why.max) : null;
}

/** How many lists and objects JSON that is to be stored may have within each other. */
export const MAX_NESTED = BOUNDS.settingsLevels.max;

/** Whether a database can hold every text in it, and it is nested no deeper than `MAX_NESTED`. */
export function isStorableJson(value: unknown, nested = 0): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (nested === MAX_NESTED) return false;
  return Object.entries(value).every(([key, each]) => isStorable(key) && isStorableJson(each, nested + 1));
}
