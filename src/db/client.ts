import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { SetupError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { type DatabaseAddress, describeAddress, postgresOptions } from './address.ts';
import { withSafeTransactions } from './safe-transactions.ts';

/** The database as the rest of Lull sees it. */
export type Database = {
  /** Timestamps come as `Date`. */
  sql: postgres.Sql;
  address: DatabaseAddress;
  /** Waits for what runs, 5 s at most, and closes every connection. */
  close(): Promise<void>;
};

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

/** After a failed attempt to connect, in seconds: its own pause grows to 20 s, for which calls would wait in vain. */
const backoff = (failures: number) => Math.min(0.05 * 2 ** failures, 1);

/** How a pool is opened. */
export type OpenDatabase = {
  /** At most. */
  connections?: number;
  /** Settings of its sessions that are not those of every session. */
  session?: Readonly<Record<string, string | number>>;
};

/** Opens the pool; connects only when first used. */
export function openDatabase(
  address: DatabaseAddress,
  { connections = 16, session = {} }: OpenDatabase = {},
): Database {
  const connection = { ...SESSION, ...session };
  const options = { ...postgresOptions(address), connection, backoff, onnotice: () => {} };
  const sql = withSafeTransactions(postgres({ ...options, max: connections }));
  return {
    sql,
    address,
    async close() {
      await sql.end({ timeout: 5 });
    },
  };
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
    if (error === null) {
      const database = openDatabase(address, options);
      await learnTypes(database.sql);
      return database;
    }
    if (!mayPass(error) || attempt === attempts)
      throw new SetupError(`no database at ${where}: ${reason(error)}`, 3);
    const delayMs = firstDelayMs * 2 ** (attempt - 1);
    log.warn({ attempt, attempts, delayMs }, `no database at ${where} yet: ${reason(error)}`);
    await sleep(delayMs);
  }
}

/**
 * Lets a client find out once what arrays the database knows. It would ask at the beginning of each connection, and where
 * that broke just then, the error would be nobody's and end the process.
 */
async function learnTypes(client: postgres.Sql): Promise<void> {
  await client`select 1`;
  client.options.fetch_types = false;
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
