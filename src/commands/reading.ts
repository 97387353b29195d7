import type { Engine } from '../app.ts';
import { readConfig } from '../config.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { accountNamed } from '../lifecycle/setup.ts';
import { createLog } from '../log.ts';

/** A column: its heading, and its text for a row. */
export type Column<Row> = { name: string; of: (row: Row) => string };

/** Opens the engine, which wakes nothing by itself, and reads something of an account. @throws NotFoundError */
export async function reading(
  account: string,
  read: (engine: Engine, accountId: string) => Promise<void>,
): Promise<void> {
  const { openEngine } = await import('../app.ts');
  const engine = await openEngine(readConfig(), createLog({ logLevel: 'warn' }));
  try {
    const accountId = await accountNamed(engine.deps, account);
    if (accountId === null) throw new NotFoundError('--account', `account as ${account}`);
    await read(engine, accountId);
  } finally {
    await engine.close();
  }
}

/** Reads how many rows are wanted. @throws InvalidInputError */
export function readLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 1000)
    throw new InvalidInputError('--limit', 'a whole number from 1 to 1000 is allowed');
  return limit;
}

/** Rows under their headings. Columns that the terminal has no room for are left out, the last ones first. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room = process.stdout.columns ?? 80,
): string {
  const cells = [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ of }) => of(row)))];
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

/** An instant as people read it, to the second, in UTC; a dash for none. */
export function instantText(instant: Date | null): string {
  return instant === null ? '–' : `${instant.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** What is printed with `--json`, and nothing else. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
