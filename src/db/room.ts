/** Of how many rows statements say that they read them at most. */
const ROOMS = [1, 2, 3, 6, 11, 21, 51, 101, 201] as const;

/**
 * The least of few sizes that holds as many rows; beyond them a power of two. A statement that is to be planned once and
 * used often says how many rows it reads in its text: where that is a parameter, Postgres takes it for a tenth of the
 * table, and plans each time anew.
 */
export function roomFor(rows: number): number {
  return ROOMS.find((room) => room >= rows) ?? 2 ** Math.ceil(Math.log2(rows));
}
