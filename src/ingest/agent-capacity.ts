import type { TransactionSql } from 'postgres';

/**
 * How many more conversations each agent can take (SP-7): none if the agent is offline, Infinity without a capacity. INACTIVE
 * conversations do not count (SF-12).
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
