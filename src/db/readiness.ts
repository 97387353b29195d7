import { readdirSync } from 'node:fs';
import type { Sql } from 'postgres';
import { MIGRATIONS } from './migrate.ts';

/** How a database stands to this code: without anything of Lull's, behind it, at it, or ahead of it. */
export type MigrationState = 'EMPTY' | 'OLDER' | 'CURRENT' | 'NEWER';

/** Compares a database's migrations with this code's. Rejects where the database does not answer. */
export async function migrationState({ sql }: { sql: Sql }): Promise<MigrationState> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`;
  if (table?.name == null) return 'EMPTY';
  const rows = await sql<{ name: string }[]>`
    select name from drizzle.__drizzle_migrations where name is not null`;
  const applied = new Set(rows.map(({ name }) => name));
  const known = readdirSync(MIGRATIONS);
  if ([...applied].some((name) => !known.includes(name))) return 'NEWER';
  if (applied.size === 0) return 'EMPTY';
  return known.sort().every((name) => applied.has(name)) ? 'CURRENT' : 'OLDER';
}

/** Whether the database answers, and whether it has this code's newest migration. Rejects where it does not answer. */
export async function isMigrated({ sql }: { sql: Sql }): Promise<boolean> {
  const newest = readdirSync(MIGRATIONS).sort().at(-1) ?? '';
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`;
  if (table?.name == null) return false;
  const [row] = await sql`select 1 from drizzle.__drizzle_migrations where name = ${newest}`;
  return row !== undefined;
}
