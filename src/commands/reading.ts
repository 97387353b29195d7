import { accountNamed } from '../accounts/setup.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { isPlain, PLAIN } from '../domain/text.ts';
import type { Existing } from './open-existing.ts';
import { cell } from './terminal.ts';

/** A column: its heading, and its text for a row. */
export type Column<Row> = { name: string; of: (row: Row) => string };

/** Opens the database read-only and calls `read` with an account. @throws NotFoundError, SetupError */
export async function reading(
  account: string,
  read: (existing: Existing, accountId: string) => Promise<void>,
): Promise<void> {
  const { withExisting } = await import('./open-existing.ts');
  await withExisting('READ_ONLY', async (existing) => {
    const accountId = await accountNamed(existing, account);
    if (accountId === null) throw new NotFoundError('--account', `account: ${account}`);
    await read(existing, accountId);
  });
}

/** Checks a new name. @throws InvalidInputError naming the option */
export function readNewName(name: string, option: string): string {
  if (name.trim() === '' || !isPlain(name))
    throw new InvalidInputError(option, `a name that is not empty, ${PLAIN}, is allowed`);
  return name;
}

/** Reads `--limit`. @throws InvalidInputError */
export function readLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 1000)
    throw new InvalidInputError('--limit', 'a whole number from 1 to 1000 is allowed');
  return limit;
}

/** Formats rows as a table; the last columns are omitted if the terminal is too narrow. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room = process.stdout.columns ?? 80,
): string {
  const cells = [
    columns.map(({ name }) => name),
    ...rows.map((row) => columns.map(({ of }) => cell(of(row)))),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  let used = 0;
  const shown = widths.filter((width, column) => {
    used += width + (column === 0 ? 0 : 2);
    return used <= room || column === 0;
  }).length;
  const lines = cells.map((line) =>
    line
      .slice(0, shown)
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** Formats an instant to the second, in UTC; a dash for null. */
export function instantText(instant: Date | null): string {
  return instant === null ? '–' : `${instant.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
