import type { Sql } from 'postgres';

export type AccountRow = {
  id: string;
  name: string;
  profile: string;
  calendarId: string | null;
  rulesVersion: number;
  rulesSince: Date;
  createdAt: Date;
  keysOutliveMaker: boolean;
};

/** Returns an account with its current rules version; null if it does not exist. */
export async function readAccount(sql: Sql, accountId: string): Promise<AccountRow | null> {
  const [row] = await sql.unsafe(
    'select account_id, name, profile, calendar_id, rules_version, rules_since, created_at, keys_outlive_maker from account where account_id = $1',
    [accountId],
    { prepare: true },
  );
  if (!row) return null;
  return {
    id: row.account_id,
    name: row.name,
    profile: row.profile,
    calendarId: row.calendar_id,
    rulesVersion: Number(row.rules_version),
    rulesSince: row.rules_since,
    createdAt: row.created_at,
    keysOutliveMaker: row.keys_outlive_maker,
  };
}
