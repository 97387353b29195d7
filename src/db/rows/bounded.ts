import { TooLargeError } from '../../domain/errors.ts';

/** The longest answer, in bytes; no statement gives more of what its columns may hold much of. */
export const MAX_ANSWER_BYTES = 5_000_000;

/** Short ones are as long as they are stored; others may be compressed. */
const bytesOf = (column: string) =>
  `case when pg_column_size(${column}) < 1000 then pg_column_size(${column}) else octet_length(${column}::text) end`;

/**
 * A statement that leaves a column out of all its rows where there would be too much of it in all: then `withinBounds`
 * refuses them. So it never gets as far as the memory of this process.
 */
export function bounded(text: string, names: readonly string[], long: 'tags' | 'data'): string {
  const columns = names.map((name) =>
    name === long ? `case when bytes_in_all <= ${MAX_ANSWER_BYTES} then ${long} end as ${long}` : name,
  );
  return `select ${columns.join(', ')}, bytes_in_all from (
    select found.*, coalesce(sum(${bytesOf(`found.${long}`)}) over (), 0) as bytes_in_all from (${text}) as found
  ) as found`;
}

/** The rows of such a statement. @throws TooLargeError where they would be too long */
export function withinBounds<Rows extends readonly Record<string, unknown>[]>(rows: Rows): Rows {
  if (Number(rows[0]?.bytes_in_all ?? 0) > MAX_ANSWER_BYTES) throw new TooLargeError(MAX_ANSWER_BYTES);
  return rows;
}
