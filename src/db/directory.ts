import type { Sql, TransactionSql } from 'postgres';

/** An account's rules version, and which of the agents and skills a call names exist. */
export type Known = {
  rulesVersion: number | null;
  agentIds: ReadonlySet<string>;
  /** Those of them that are bots. */
  botIds: ReadonlySet<string>;
  skillIds: ReadonlySet<string>;
};

/** Reads what a call's commands refer to, in one statement. `rulesVersion` is null where there is no such account. */
export async function readKnown(
  sql: Sql,
  accountId: string,
  agentIds: readonly string[],
  skillIds: readonly string[],
): Promise<Known> {
  const [row] = await sql.unsafe(
    `select (select rules_version from account where account_id = $1) as rules_version,
       array(select id from agent where account_id = $1 and id = any($2::uuid[])) as agents,
       array(select id from agent where account_id = $1 and id = any($2::uuid[]) and kind = 'BOT') as bots,
       array(select id from skill where account_id = $1 and id = any($3::uuid[])) as skills`,
    [accountId, agentIds as string[], skillIds as string[]],
    { prepare: true },
  );
  return {
    rulesVersion: row?.rules_version === null ? null : Number(row?.rules_version),
    agentIds: new Set(row?.agents),
    botIds: new Set(row?.bots),
    skillIds: new Set(row?.skills),
  };
}

/**
 * How many more conversations each of these agents could take; none for who is offline, Infinity without a
 * capacity (SP-7). An INACTIVE one takes none of it (SF-12).
 */
export async function freeSlots(
  sql: TransactionSql,
  accountId: string,
  agentIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await sql.unsafe(
    `select id, online, capacity,
       (select count(*)::int from conversation where conversation.account_id = $1 and agent_id = agent.id and status <> 'ENDED' and status <> 'INACTIVE') as used
     from agent where account_id = $1 and id = any($2::uuid[])`,
    [accountId, agentIds as string[]],
    { prepare: true },
  );
  return new Map(
    rows.map((row) => [
      row.id,
      !row.online ? 0 : row.capacity === null ? Number.POSITIVE_INFINITY : row.capacity - row.used,
    ]),
  );
}
