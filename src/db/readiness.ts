import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Sql } from 'postgres';

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Whether the database answers, and whether it has this code's newest migration. Rejects where it does not answer. */
export async function isMigrated({ sql }: { sql: Sql }): Promise<boolean> {
  const newest = readdirSync(FOLDER).sort().at(-1) ?? '';
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`;
  if (table?.name == null) return false;
  const [row] = await sql`select 1 from drizzle.__drizzle_migrations where name = ${newest}`;
  return row !== undefined;
}
