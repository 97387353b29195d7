import type { Sql } from 'postgres';

/** Finds the agent of an account whose tokens have this `sub`; null if there is none. */
export async function findAgentBySubject(
  sql: Sql,
  accountId: string,
  subject: string,
): Promise<string | null> {
  const [row] = await sql.unsafe<[{ id: string }?]>(
    'select id from agent where account_id = $1 and subject = $2',
    [accountId, subject],
    { prepare: true },
  );
  return row?.id ?? null;
}
