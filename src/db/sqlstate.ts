import { TakenError, UnavailableError } from '../domain/errors.ts';

/** SQLSTATE codes that Lull handles by name; https://www.postgresql.org/docs/current/errcodes-appendix.html has them all. */
const SQLSTATE = {
  divisionByZero: '22012',
  uniqueViolation: '23505',
  inFailedTransaction: '25P02',
  idleInTransactionTimeout: '25P03',
  transactionTimeout: '25P04',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  duplicateDatabase: '42P04',
  invalidSchema: '3F000',
  serializationFailure: '40001',
  deadlock: '40P01',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
} as const;
type SqlstateName = keyof typeof SQLSTATE;

const CONFLICTS = codes('uniqueViolation', 'deadlock', 'serializationFailure');
const TIMEOUTS = codes('lockNotAvailable', 'queryCanceled', 'idleInTransactionTimeout', 'transactionTimeout');
const ROLLED_BACK = new Set([...TIMEOUTS, ...codes('deadlock', 'serializationFailure')]);
/** Connection failure, no resources (connections, disk, memory), shutdown or start-up, read-only server, unreadable files. */
const SERVER_UNAVAILABLE = /^(08|53|57P0[1-5]|25006|40003|58030)/;
/** Bad data, a broken constraint, an internal error or an error raised by PL/pgSQL. */
const CAUSED_BY_ROW = /^(22|23|XX|P0)...$/;
/** Bad data, a broken constraint, or a statement over a limit of the server. */
const CAUSED_BY_VALUES = /^(22|23|54)...$/;
/** Codes of Node.js and of the driver for a connection that was never made or broke, or that the driver left unusable. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  ...['CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'DRIVER_FAULT'],
]);

/** The field of the API that each unique constraint stands for. */
const FIELD_OF_CONSTRAINT: Readonly<Record<string, string>> = {
  channel_name: 'name',
  skill_name: 'name',
  agent_name: 'name',
  agent_subject: 'subject',
  calendar_name: 'name',
};

const DATABASE_UNAVAILABLE =
  'the database is unavailable; the change may or may not have been made: repeat the call with the same ids and keys';

/** The error's SQLSTATE, or the code of Node.js or of the driver; an empty text where it has none. */
function sqlstateOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether the error has the SQLSTATE of this name. */
export function hasSqlstate(error: unknown, name: SqlstateName): boolean {
  return sqlstateOf(error) === SQLSTATE[name];
}

/** Whether another transaction was in the way, so that the same call may succeed when it is made again. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(sqlstateOf(error));
}

/** Whether a lock, a statement or a transaction took too long; the transaction was rolled back. */
export function isTimeout(error: unknown): boolean {
  return TIMEOUTS.has(sqlstateOf(error));
}

/** Whether Postgres rolled the transaction back, so that nothing of it was written. */
function isRolledBack(error: unknown): boolean {
  return ROLLED_BACK.has(sqlstateOf(error));
}

/** Whether one row causes the error, rather than the connection, a lock or the load. */
export function isCausedByRow(error: unknown): boolean {
  return CAUSED_BY_ROW.test(sqlstateOf(error));
}

/**
 * Whether retrying by bisection can isolate the call that causes the error: a bug, values that Postgres refuses, a lock or
 * a deadlock. Nothing was written then. After a broken connection that is not known, so it is never retried.
 */
export function canBeBisected(error: unknown): boolean {
  const code = sqlstateOf(error);
  return (
    code === '' ||
    CAUSED_BY_VALUES.test(code) ||
    codes('lockNotAvailable', 'serializationFailure', 'deadlock').has(code)
  );
}

/** Whether the database is unreachable or cannot go on. A transaction that was committing may have been committed. */
function isUnavailable(error: unknown): boolean {
  const code = error instanceof Error ? sqlstateOf(error) : '';
  return CONNECTION_CODES.has(code) || SERVER_UNAVAILABLE.test(code);
}

/** The error as a client sees it where the same call may succeed later; null for every other error. */
export function unavailableFor(error: unknown): UnavailableError | null {
  if (error instanceof UnavailableError) return error;
  if (isRolledBack(error))
    return new UnavailableError('the database was too slow; nothing was changed', { cause: error });
  return isUnavailable(error) ? new UnavailableError(DATABASE_UNAVAILABLE, { cause: error }) : null;
}

/** Runs work with the database. @throws UnavailableError for a passing error, which is its cause; any other error as it is */
export async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw unavailableFor(error) ?? error;
  }
}

/** Runs a write of a unique name. @throws TakenError naming the field where another row has the name */
export async function orTaken<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const constraint = (error as { constraint_name?: string } | null)?.constraint_name ?? '';
    const field = FIELD_OF_CONSTRAINT[constraint];
    throw hasSqlstate(error, 'uniqueViolation') && field !== undefined ? new TakenError(field) : error;
  }
}

function codes(...names: SqlstateName[]): ReadonlySet<string> {
  return new Set(names.map((name) => SQLSTATE[name]));
}
