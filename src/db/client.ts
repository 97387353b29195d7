import { setTimeout as sleep } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { SetupError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { type DatabaseAddress, describeAddress, postgresOptions } from './address.ts';

export type Orm = ReturnType<typeof openOrm>;

/** The database as the rest of Lull sees it: `sql` for hot paths, `orm` for everything else. */
export type Database = {
  /** Plain SQL; timestamps come as `Date`. */
  sql: postgres.Sql;
  orm: Orm;
  address: DatabaseAddress;
  /** Waits for what runs, 5 s at most, and closes every connection. */
  close(): Promise<void>;
};

/** Limits of every session, so that nothing holds a row for long: a write aborts itself after 15 s. */
const SESSION = {
  application_name: 'lull',
  TimeZone: 'UTC',
  statement_timeout: 10_000,
  lock_timeout: 5000,
  idle_in_transaction_session_timeout: 15_000,
};

type OpenDatabase = {
  /** Connections for `sql`; `orm` has half as many of its own. */
  connections?: number;
};

/** Opens the pools; connects only when first used. */
export function openDatabase(address: DatabaseAddress, { connections = 10 }: OpenDatabase = {}): Database {
  const options = { ...postgresOptions(address), connection: SESSION, onnotice: () => {} };
  const sql = postgres({ ...options, max: connections });
  // Drizzle replaces the date parsers of the client it is given, so it has a client to itself.
  const ormClient = postgres({ ...options, max: Math.ceil(connections / 2) });
  return {
    sql,
    orm: openOrm(ormClient),
    address,
    async close() {
      await Promise.all([sql.end({ timeout: 5 }), ormClient.end({ timeout: 5 })]);
    },
  };
}

function openOrm(client: postgres.Sql) {
  return drizzle({ client });
}

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
    const error = await whyUnreachable(address);
    if (error === null) return openDatabase(address, options);
    if (!mayPass(error) || attempt === attempts)
      throw new SetupError(`no database at ${where}: ${reason(error)}`, 3);
    const delayMs = firstDelayMs * 2 ** (attempt - 1);
    log.warn({ attempt, attempts, delayMs }, `no database at ${where} yet: ${reason(error)}`);
    await sleep(delayMs);
  }
}

type ConnectionError = Error & { code?: string };

async function whyUnreachable(address: DatabaseAddress): Promise<ConnectionError | null> {
  const sql = postgres({ ...postgresOptions(address), max: 1, onnotice: () => {} });
  try {
    await sql`select 1`;
    return null;
  } catch (error) {
    return error as ConnectionError;
  } finally {
    await sql.end({ timeout: 0 });
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
