/**
 * Codes of Postgres for what was rolled back whole and may be tried again: a lock that was not to be had, a statement or a
 * transaction that took too long, a deadlock, a serialization failure.
 */
const GAVE_UP: ReadonlySet<unknown> = new Set(['55P03', '57014', '25P03', '25P04', '40P01', '40001']);

/** Whether the database gave a transaction up, so that nothing of it was done. */
export function gaveUp(error: unknown): boolean {
  return error instanceof Error && 'code' in error && GAVE_UP.has(error.code);
}
