import { escapeUnseen } from '../domain/text.ts';

/**
 * Every way out to a terminal: what a name may hold must not move its cursor, change its title or paint over its lines, also
 * where it was stored before such names were refused.
 */

/** Prints lines on stdout. Line breaks and tabs stay; all other characters that do not show are escaped. */
export function print(text: string): void {
  process.stdout.write(escapeUnseen(text, '\n\t'));
}

/** Prints lines on stderr, likewise: stdout is for results. */
export function printNote(text: string): void {
  process.stderr.write(escapeUnseen(text, '\n\t'));
}

/** Prints what holds nothing but Lull's own words and numbers, styles and all. */
export function printStyled(text: string): void {
  process.stdout.write(text);
}

/** What is printed with `--json`, and nothing else. JSON takes the escapes for what they stand for. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** A value among others on a line: it begins no other line and no other column. */
export function cell(text: string): string {
  return escapeUnseen(text);
}
