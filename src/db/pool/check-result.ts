import type { DriverQuery } from './driver.ts';
import { DriverFaultError } from './errors.ts';

/** What the driver makes of an answer of the server. */
type Result = unknown[] & {
  /** Of rows, by the server's own words; null where it says no number. */
  count: number | null;
  command: string | null;
  /** None where no rows were promised. */
  columns?: { name: string }[] | null;
};

/**
 * Why a result cannot be what the server answered: the server counts its rows, and each has a value for each column. The
 * driver shifts rows after a statement that failed in the middle of its own. Null where nothing is wrong.
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
