import { TooLargeError } from '../../domain/errors.ts';

/** The most bytes of a long column that a statement returns in all its rows. */
export const MAX_ANSWER_BYTES = 5_000_000;

/** Long values may be stored compressed, so their stored size says too little. */
const bytesOf = (column: string) =>
  `case when pg_column_size(${column}) < 1000 then pg_column_size(${column}) else octet_length(${column}::text) end`;

/**
 * A statement whose rows lack a long column if it would be too long in all, so that it never fills the memory of this
 * process. `withinBounds` then refuses the rows.
 */
export function bounded(text: string, names: readonly string[], long: 'tags' | 'data'): string {
  const columns = names.map((name) =>
    name === long ? `case when bytes_in_all <= ${MAX_ANSWER_BYTES} then ${long} end as ${long}` : name,
  );
  return `select ${columns.join(', ')}, bytes_in_all from (
    select found.*, coalesce(sum(${bytesOf(`found.${long}`)}) over (), 0) as bytes_in_all from (${text}) as found
  ) as found`;
}

/** The rows of a bounded statement. @throws TooLargeError if they are too long */
export function withinBounds<Rows extends readonly Record<string, unknown>[]>(rows: Rows): Rows {
  if (Number(rows[0]?.bytes_in_all ?? 0) > MAX_ANSWER_BYTES) throw new TooLargeError(MAX_ANSWER_BYTES);
  return rows;
}
