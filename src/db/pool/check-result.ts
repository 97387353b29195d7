import type { DriverQuery } from './driver.ts';
import { DriverFaultError } from './errors.ts';

/** A result of the driver. */
type Result = unknown[] & {
  /** The number of rows by the server's count; null if the server gives none. */
  count: number | null;
  command: string | null;
  /** Missing if the statement returns no rows. */
  columns?: { name: string }[] | null;
};

/**
 * Why a result cannot be the server's answer: its rows differ from the server's count, or lack a column. After a statement
 * that failed between its rows, the driver shifts the rows of later ones. Null if nothing is wrong.
 */
export function whyImpossible(query: DriverQuery, result: unknown): DriverFaultError | null {
  if (query.forEachFn || query.cursorFn || query.onlyDescribe || !Array.isArray(result)) return null;
  const results = ('command' in result ? [result] : result) as Result[];
  for (const each of results) {
    const why = whyWrong(each);
    if (why !== null) return new DriverFaultError('impossible_result', `the driver gave ${why}`);
  }
  return null;
}

function whyWrong(result: Result): string | null {
  const { count, command, columns, length } = result;
  if (command === null) return length === 0 ? null : `${length} rows without their end`;
  if (!columns?.length || count === null) return null;
  if (length !== count) return `${length} rows of ${command} where the server sent ${count}`;
  for (const index of length === 0 ? [] : [0, length - 1]) {
    const row = result[index] as Record<string, unknown> | undefined;
    if (row === undefined) return `no row ${index} of ${length}`;
    const missing = columns.find(({ name }, at) => (Array.isArray(row) ? row[at] : row[name]) === undefined);
    if (missing !== undefined) return `a row without the column ${missing.name}`;
  }
  return null;
}
