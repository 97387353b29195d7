import type { Sql, TransactionSql } from 'postgres';
import { profileNamed } from '../domain/policy/profiles.ts';
import type { EngineDeps } from '../engine.ts';
import { changeRules, type RulesDeps } from '../rules/change-rules.ts';

type SetupDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId'>;

/** Makes an account with a profile. @throws NotFoundError for an unknown profile */
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

/** Finds the oldest account of a name; null without one. */
export async function accountNamed(deps: Pick<SetupDeps, 'db'>, name: string): Promise<string | null> {
  const [row] = await deps.db
    .sql`select account_id from account where name = ${name} order by account_id limit 1`;
  return row ? (row.account_id as string) : null;
}

/**
 * Finds a channel by name, or makes it, which is a change of rules. Its settings must have been parsed by its
 * adapter; `adapter` is that one's id.
 */
export async function ensureChannel(
  deps: RulesDeps,
  accountId: string,
  { name, adapter, settings }: { name: string; adapter: string; settings: object },
): Promise<string> {
  const find = async (sql: Sql | TransactionSql) => {
    const [row] = await sql`select id from channel where account_id = ${accountId} and name = ${name}`;
    return row === undefined ? null : (row.id as string);
  };
  const known = await find(deps.db.sql);
  if (known !== null) return known;
  let id = deps.newId();
  const author = { changedBy: 'setup', why: null };
  await changeRules(deps, accountId, author, null, async (sql) => {
    const other = await find(sql);
    if (other !== null) {
      id = other;
      return null;
    }
    await sql`insert into channel ${sql({ account_id: accountId, id, name, adapter, settings: sql.json(settings as never) })}`;
    const after = { name, adapterId: adapter, calendarId: null };
    return { kind: 'CHANNEL', channelId: id, skillId: null, before: null, after };
  });
  return id;
}

/** Finds skills by name, making those that are missing. */
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

/** Finds agents by name, making those that are missing: people, online, of unlimited capacity. */
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
