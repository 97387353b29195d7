import { readdirSync } from 'node:fs';
import type { Sql } from 'postgres';
import { appliedMigrations, MIGRATIONS } from './migrate.ts';

/** A database compared with this code. EMPTY: it has no migrations of Lull. */
export type MigrationState = 'EMPTY' | 'OLDER' | 'CURRENT' | 'NEWER';

/** Compares a database's migrations with this code's. Rejects if the database does not answer. */
export async function migrationState({ sql }: { sql: Sql }): Promise<MigrationState> {
  const applied = new Set(await appliedMigrations(sql));
  const known = readdirSync(MIGRATIONS);
  if ([...applied].some((name) => !known.includes(name))) return 'NEWER';
  if (applied.size === 0) return 'EMPTY';
  return known.sort().every((name) => applied.has(name)) ? 'CURRENT' : 'OLDER';
}

/** Whether the database has this code's newest migration. Rejects if the database does not answer. */
export async function isMigrated({ sql }: { sql: Sql }): Promise<boolean> {
  const newest = readdirSync(MIGRATIONS).sort().at(-1) ?? '';
  return (await appliedMigrations(sql)).includes(newest);
}
