import { profileNamed } from '../domain/policy/profiles.ts';
import type { EngineDeps } from '../engine.ts';

type SetupDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId'>;

/** Creates an account with a profile. @throws NotFoundError for an unknown profile */
export async function createAccount(
  deps: SetupDeps,
  { name, profile = 'LULL' }: { name: string; profile?: string },
): Promise<string> {
  const { id } = profileNamed(profile);
  const accountId = deps.newId();
  const now = deps.clock.now();
  await deps.db
    .sql`insert into account ${deps.db.sql({ account_id: accountId, name, profile: id, first_profile: id, rules_version: 1, rules_since: now, scheduled_version: 1, created_at: now })}`;
  return accountId;
}

/** Finds the oldest account with a name; null without one. */
export async function accountNamed(deps: Pick<SetupDeps, 'db'>, name: string): Promise<string | null> {
  const [row] = await deps.db
    .sql`select account_id from account where name = ${name} order by account_id limit 1`;
  return row ? (row.account_id as string) : null;
}

/** Finds skills by name and creates the missing ones. */
export async function ensureSkills(
  deps: SetupDeps,
  accountId: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { sql } = deps.db;
  if (names.length > 0)
    await sql`insert into skill ${sql(names.map((name) => ({ account_id: accountId, id: deps.newId(), name })))} on conflict (account_id, name) do nothing`;
  const rows = await sql<
    { id: string; name: string }[]
  >`select id, name from skill where account_id = ${accountId} and name = any(${names as string[]})`;
  return new Map(rows.map((row) => [row.name, row.id]));
}

/** Finds agents by name and creates the missing ones: people, online, with unlimited capacity. */
export async function ensureAgents(
  deps: SetupDeps,
  accountId: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { sql } = deps.db;
  if (names.length > 0)
    await sql`insert into agent ${sql(names.map((name) => ({ account_id: accountId, id: deps.newId(), name, kind: 'HUMAN', online: true, capacity: null })))} on conflict (account_id, name) do nothing`;
  const rows = await sql<
    { id: string; name: string }[]
  >`select id, name from agent where account_id = ${accountId} and name = any(${names as string[]})`;
  return new Map(rows.map((row) => [row.name, row.id]));
}
