import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { SetupError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { type DatabaseAddress, describeAddress, postgresOptions } from './address.ts';
import { type DriverOptions, statementsOf } from './pool/driver.ts';
import { type DriverFaultError, FAULT_KINDS, type FaultKind } from './pool/errors.ts';
import { openPool, type PoolCounts } from './pool/pool.ts';
import { TRANSACT, transactionsOf } from './transaction.ts';

/** The database as the rest of Lull sees it. */
export type Database = {
  /**
   * Runs each statement on a connection of its own; transactions begin with `inTransaction`. Timestamps are read as `Date`.
   * A statement that gets no connection in time is rejected with UnavailableError: it was not sent.
   */
  sql: postgres.Sql;
  address: DatabaseAddress;
  /** How many connections are open and idle, how many callers wait, and the faults so far, by kind. */
  counts(): DatabaseCounts;
  /** Refuses waiting statements, waits for running ones, 5 s at most, and closes every connection. */
  close(): Promise<void>;
};

export type DatabaseCounts = PoolCounts & { faults: Record<FaultKind, number> };

/** How long a statement waits for a lock, unless it sets another limit. */
export const LOCK_WAIT_MS = 5_000;

/** The settings of every session. */
const SESSION = {
  /** Names the session in `pg_stat_activity`, where the gauges count by it. */
  application_name: 'lull',
  /** Makes the text of a timestamp independent of the server. */
  TimeZone: 'UTC',
  /** A statement that runs longer aborts, so that it holds its locks no longer. */
  statement_timeout: 10_000,
  lock_timeout: LOCK_WAIT_MS,
  /** A transaction whose process hangs between two statements aborts, and releases its rows. */
  idle_in_transaction_session_timeout: 15_000,
};

/** How long a statement or a transaction waits for a connection. */
const CONNECTION_WAIT_MS = 10_000;
const CLOSE_WITHIN_MS = 5_000;

/** How a pool is opened. */
export type OpenDatabase = {
  /** How many connections the pool opens at most. */
  connections?: number;
  /** How many of them one account may have (`onBehalfOf`); all of them by default. */
  connectionsOfOne?: number;
  /** How long a statement or a transaction waits for a connection; 10 s by default. */
  waitMs?: number;
  /** Logs notices of the server, and faults; by default they are warnings of the process. */
  log?: Pick<Log, 'error' | 'warn' | 'debug'>;
  /** Called with every statement that is sent, also those that begin and end transactions. */
  onStatement?: (text: string, parameters: unknown[]) => void;
  /** READ_ONLY: Postgres refuses every write. */
  access?: 'READ_ONLY' | 'READ_WRITE';
  /** Settings that replace those of every session, or add to them. */
  session?: Readonly<Record<string, string | number>>;
};

/** Opens a pool of connections; it connects when it is first used. */
export function openDatabase(
  address: DatabaseAddress,
  {
    connections = 16,
    connectionsOfOne = connections,
    waitMs = CONNECTION_WAIT_MS,
    log = PROCESS_WARNINGS,
    onStatement,
    access = 'READ_WRITE',
    session = {},
  }: OpenDatabase = {},
): Database {
  const readOnly = access === 'READ_ONLY' ? { default_transaction_read_only: true } : {};
  const connection = { ...SESSION, ...readOnly, ...session };
  const template = postgres({ ...postgresOptions(address), ...NEVER_BY_ITSELF, connection });
  const faults = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  const pool = openPool({
    options: { ...template.options, no_subscribe: true } as unknown as DriverOptions,
    template,
    connections,
    connectionsOfOne,
    waitMs,
    onFault(fault: DriverFaultError) {
      faults[fault.kind]++;
      log.error({ err: fault, fault: fault.kind }, 'a connection to the database was faulty and was closed');
    },
    onNotice({ severity, code, message }) {
      if (severity === 'WARNING') log.warn({ code }, `the database warns: ${message}`);
      else log.debug({ code }, `the database notes: ${message}`);
    },
    onStatement: onStatement ?? null,
  });
  const sql = statementsOf(template, {
    handler: pool.run,
    canceller: async (query) => pool.cancel(query),
  });
  return {
    sql: Object.assign(sql, { [TRANSACT]: transactionsOf(pool, template) }),
    address,
    counts: () => ({ ...pool.counts(), faults: { ...faults } }),
    close: () => pool.close(CLOSE_WITHIN_MS),
  };
}

/** Everything that postgres.js would start by itself is off, because the pool does it. */
const NEVER_BY_ITSELF = {
  /** The pool has a client for each connection. */
  max: 1,
  /** The pool reads the array types (`array-types.ts`). */
  fetch_types: false,
  /** The pool has its own limits for connecting and for the lifetime of a connection. */
  ...{ connect_timeout: 0, idle_timeout: 0, max_lifetime: 0 },
};

/** The log where none is given. */
const PROCESS_WARNINGS: NonNullable<OpenDatabase['log']> = {
  error: (_: unknown, message?: string) => process.emitWarning(message ?? 'a fault of the database'),
  warn: (_: unknown, message?: string) => process.emitWarning(message ?? 'a warning of the database'),
  debug() {},
};

/** The database's time, for the clock. */
export async function readDatabaseTime({ sql }: Pick<Database, 'sql'>): Promise<Date> {
  const [row] = await sql<[{ now: Date }]>`select clock_timestamp() as now`;
  return row.now;
}

type ConnectWithRetry = OpenDatabase & { attempts?: number; firstDelayMs?: number };

/**
 * Opens a database that may still be starting: retries with growing pauses, about 8 s in all.
 * @throws SetupError with exit code 3 if it stays unreachable, or at once if it refuses the connection
 */
export async function connectWithRetry(
  address: DatabaseAddress,
  log: Log,
  { attempts = 6, firstDelayMs = 250, ...options }: ConnectWithRetry = {},
): Promise<Database> {
  const where = describeAddress(address);
  for (let attempt = 1; ; attempt++) {
    const database = openDatabase(address, { log, ...options });
    const error = await whyUnreachable(database);
    if (error === null) return database;
    await database.close();
    if (!isPassing(error) || attempt === attempts)
      throw new SetupError(`no database at ${where}: ${reason(error)}`, 3);
    const delayMs = firstDelayMs * 2 ** (attempt - 1);
    log.warn({ attempt, attempts, delayMs }, `no database at ${where} yet: ${reason(error)}`);
    await sleep(delayMs);
  }
}

type ConnectionError = Error & { code?: string };

async function whyUnreachable({ sql }: Database): Promise<ConnectionError | null> {
  try {
    await sql`select 1`;
    return null;
  } catch (error) {
    return error as ConnectionError;
  }
}

/** An answer of Postgres is final, such as a wrong password, unless it is starting, stopping or out of connections. */
function isPassing(error: ConnectionError): boolean {
  return !(error instanceof postgres.PostgresError) || /^(57P0|53300)/.test(error.code);
}

/** The error for a host name with several addresses has a code and no message. */
function reason(error: ConnectionError): string {
  return error.message || (error.code ?? error.name);
}
