import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { SetupError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { type DatabaseAddress, describeAddress, postgresOptions } from './address.ts';

/** The folder of this code's migrations. */
export const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url));
const OLDEST_SERVER = 15;
/** The advisory lock under which one process migrates; any number that no other program uses. */
const LOCK = 5_851_117_301;

/**
 * Migrates the database to the newest migration of this code, then runs `thenAlone`. Processes that start together wait
 * for each other, so that one at a time does both.
 * @throws SetupError if the server is older than Postgres 15, if a newer Lull has migrated it, or if a migration fails.
 */
export async function migrateDatabase(
  address: DatabaseAddress,
  log: Log,
  folder = MIGRATIONS,
  thenAlone: () => Promise<void> = async () => {},
): Promise<void> {
  // The lock belongs to this one connection, which lives as long as migrations need.
  const sql = postgres({
    ...postgresOptions(address),
    max: 1,
    max_lifetime: null,
    connection: { application_name: 'lull migrate', TimeZone: 'UTC' },
    onnotice: () => {},
  });
  try {
    await bringUp(sql, address, log, folder);
    await thenAlone();
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function bringUp(sql: postgres.Sql, address: DatabaseAddress, log: Log, folder: string): Promise<void> {
  try {
    await refuseOldServer(sql, address);
    await takeLock(sql, log);
    const before = await appliedMigrations(sql);
    refuseNewerDatabase(before, folder, address);
    await migrate(drizzle({ client: sql }), { migrationsFolder: folder });
    const added = (await appliedMigrations(sql)).filter((name) => !before.includes(name));
    if (added.length > 0) log.info({ migrations: added }, 'the database was migrated');
  } catch (error) {
    if (error instanceof SetupError) throw error;
    log.error({ err: error }, 'migrating the database failed');
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    throw new SetupError(
      `the database at ${describeAddress(address)} could not be migrated: ${cause.message}`,
    );
  }
}

async function refuseOldServer(sql: postgres.Sql, address: DatabaseAddress): Promise<void> {
  const [row] = await sql<[{ version: number }]>`
    select current_setting('server_version_num')::int / 10000 as version`;
  if (row.version < OLDEST_SERVER)
    throw new SetupError(
      `the database at ${describeAddress(address)} is Postgres ${row.version}; Lull needs ${OLDEST_SERVER} or newer`,
    );
}

async function takeLock(sql: postgres.Sql, log: Log): Promise<void> {
  const [row] = await sql<[{ taken: boolean }]>`select pg_try_advisory_lock(${LOCK}) as taken`;
  if (row.taken) return;
  log.info('another process migrates the database; waiting for it');
  await sql`select pg_advisory_lock(${LOCK})`;
}

/** The names of the migrations that a database has, in their order. */
export async function appliedMigrations(sql: postgres.Sql): Promise<string[]> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`;
  if (table?.name == null) return [];
  const rows = await sql<{ name: string }[]>`
    select name from drizzle.__drizzle_migrations where name is not null order by id`;
  return rows.map((row) => row.name);
}

function refuseNewerDatabase(applied: string[], folder: string, address: DatabaseAddress): void {
  const known = new Set(readdirSync(folder));
  const unknown = applied.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new SetupError(
      `the database at ${describeAddress(address)} was migrated by a newer version of Lull ` +
        `(it has ${unknown.join(', ')}): start that version, or restore an older backup`,
    );
}
