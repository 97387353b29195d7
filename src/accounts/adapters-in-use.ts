import type { Sql } from 'postgres';
import { SetupError } from '../domain/errors.ts';

/**
 * Checks that the adapters of all channels of all accounts are loaded. Without its adapter, a channel's rules are
 * unknown.
 * @throws SetupError naming the missing ones
 */
export async function requireAdapters(sql: Sql, known: readonly string[]): Promise<void> {
  const rows = await sql<{ adapter: string }[]>`
    select distinct adapter from channel where adapter <> all(${known as string[]}) order by adapter`;
  if (rows.length === 0) return;
  const missing = rows.map(({ adapter }) => adapter).join(', ');
  throw new SetupError(
    `the database has channels on ${missing}: add the modules of these adapters to LULL_ADAPTERS`,
  );
}
