/** Codes of Node.js and of the client: there was no connection, or it broke. */
const NO_CONNECTION: ReadonlySet<unknown> = new Set([
  ...['CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN'],
  // It was there, and not in the state in which it has to be.
  'DRIVER_FAULT',
]);
/**
 * Classes and codes of Postgres: no connection, no room (for connections, on disk, in memory), stopping or starting,
 * read-only (as while another server takes over), files that cannot be read.
 */
const NOT_THERE = /^(08|53|57P0[1-5]|25006|40003|58030)/;

/**
 * Whether an error says that the database is away, or cannot go on. What was under way has mostly not been done, but where a
 * connection broke while a transaction committed, nobody knows.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return NO_CONNECTION.has(error.code) || NOT_THERE.test(String(error.code));
}
