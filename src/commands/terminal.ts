import { escapeUnseen } from '../domain/text.ts';

/** All output goes through these functions, so that stored names cannot control the terminal. */

/** Prints lines on stdout; invisible characters are escaped, except line breaks and tabs. */
export function print(text: string): void {
  process.stdout.write(escapeUnseen(text, '\n\t'));
}

/** Prints lines on stderr, escaped like `print`. */
export function printNote(text: string): void {
  process.stderr.write(escapeUnseen(text, '\n\t'));
}

/** Prints text with terminal styles; it must not contain stored names. */
export function printStyled(text: string): void {
  process.stdout.write(text);
}

/** Prints the result of `--json`. The escapes are valid JSON. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Escapes a value so that it stays within its line and column. */
export function cell(text: string): string {
  return escapeUnseen(text);
}
