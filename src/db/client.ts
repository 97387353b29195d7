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
   * Runs each statement on a connection that nobody else uses meanwhile; transactions begin with `inTransaction`. Timestamps
   * come as `Date`. A statement that gets no connection in time is rejected with UnavailableError: it was not sent.
   */
  sql: postgres.Sql;
  address: DatabaseAddress;
  /** What its connections are busy with, and the faults that were found so far, by kind. */
  counts(): DatabaseCounts;
  /** Refuses what waits, waits for what runs, 5 s at most, and closes every connection. */
  close(): Promise<void>;
};

export type DatabaseCounts = PoolCounts & { faults: Record<FaultKind, number> };

/** How long a statement waits for what somebody else holds, where it says nothing else. */
export const LOCK_WAIT_MS = 5_000;

/** Limits of every session, so that nothing holds a row for long: a write aborts itself after 15 s. */
const SESSION = {
  application_name: 'lull',
  TimeZone: 'UTC',
  statement_timeout: 10_000,
  lock_timeout: LOCK_WAIT_MS,
  idle_in_transaction_session_timeout: 15_000,
};

/** How long a statement or a transaction waits for a connection. */
const CONNECTION_WAIT_MS = 10_000;
const CLOSE_WITHIN_MS = 5_000;

/** How a pool is opened. */
export type OpenDatabase = {
  /** At most. */
  connections?: number;
  /** Of these, for one account at most (`onBehalfOf`); all of them where it is left out. */
  connectionsOfOne?: number;
  /** How long a statement or a transaction waits for a connection, in milliseconds; 10 s where it is left out. */
  waitMs?: number;
  /** Hears what the server notes besides its answers, and of faults; without it, they are warnings of the process. */
  log?: Pick<Log, 'error' | 'warn' | 'debug'>;
  /** Hears of every statement that is sent, also those that begin and end transactions. */
  onStatement?: (text: string, parameters: unknown[]) => void;
  /** READ_ONLY: Postgres refuses every write of these sessions. */
  access?: 'READ_ONLY' | 'READ_WRITE';
  /** Settings of its sessions that are not those of every session. */
  session?: Readonly<Record<string, string | number>>;
};

/** Opens a pool of connections; connects only when first used. */
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
      log.error({ err: fault, fault: fault.kind }, 'a connection to the database is not as it has to be');
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

/** What the driver would do by itself, at times of its own, the pool does. */
const NEVER_BY_ITSELF = {
  ...{ max: 1, fetch_types: false },
  ...{ connect_timeout: 0, idle_timeout: 0, max_lifetime: 0 },
};

/** Where nobody gave a log. */
const PROCESS_WARNINGS: NonNullable<OpenDatabase['log']> = {
  error: (_: unknown, message?: string) => process.emitWarning(message ?? 'a fault of the database'),
  warn: (_: unknown, message?: string) => process.emitWarning(message ?? 'a warning of the database'),
  debug() {},
};

/** The database's own time, for the clock. */
export async function readDatabaseTime({ sql }: Pick<Database, 'sql'>): Promise<Date> {
  const [row] = await sql<[{ now: Date }]>`select clock_timestamp() as now`;
  return row.now;
}

type ConnectWithRetry = OpenDatabase & { attempts?: number; firstDelayMs?: number };

/**
 * Opens a database that may still be starting: tries again with growing pauses, about 8 s in all.
 * @throws SetupError with exit code 3 if it is not there, at once if it refuses us.
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
    if (!mayPass(error) || attempt === attempts)
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

/** What Postgres says itself stays as it is (a wrong password, an unknown database), but for starting, stopping and full. */
function mayPass(error: ConnectionError): boolean {
  return !(error instanceof postgres.PostgresError) || /^(57P0|53300)/.test(error.code);
}

/** A failed connection to a name with several addresses has a code and no message. */
function reason(error: ConnectionError): string {
  return error.message || (error.code ?? error.name);
}
