import { BOUNDS } from '../../domain/bounds.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import { isPlain, isStorable, PLAIN } from '../../domain/text.ts';

export { isStorable };

/**
 * Checks a text that is to be stored: a name, an address, an id, a reason. Characters that do not show are refused here, and
 * with them what a database cannot hold (NUL, half a surrogate pair).
 * @throws InvalidInputError naming `field`
 */
export function readText(text: string, field: string, maxLength: number): string {
  if (text.trim() === '' || text.length > maxLength || !isPlain(text))
    throw new InvalidInputError(
      field,
      `a text of 1 to ${maxLength} characters, not all space, ${PLAIN}, is allowed`,
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
