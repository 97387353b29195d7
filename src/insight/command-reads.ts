import type { Sql } from 'postgres';
import { CONVERSATION_COLUMNS, conversationOf, type StoredConversation } from '../db/rows/conversations.ts';
import type { Status } from '../domain/conversation/conversation.ts';

/** Returns an account's newest conversations; `statuses` empty for all. */
export async function readNewestConversations(
  sql: Sql,
  accountId: string,
  statuses: readonly Status[],
  limit: number,
): Promise<StoredConversation[]> {
  const rows = await sql`
    select ${sql.unsafe(CONVERSATION_COLUMNS)} from conversation
    where account_id = ${accountId} and (${statuses.length === 0} or status = any(${[...statuses]}))
    order by id desc limit ${limit}`;
  return rows.map(conversationOf);
}

/** Returns the names of an account's channels or skills by id. */
export async function readNames(
  sql: Sql,
  table: 'channel' | 'skill',
  accountId: string,
): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; name: string }[]>`
    select id, name from ${sql(table)} where account_id = ${accountId}`;
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Counts the open conversations of each lane. It reads all of the account's conversations. */
export async function countOpenByLane(sql: Sql, accountId: string): Promise<Map<string, number>> {
  const rows = await sql<{ lane_id: string; open: number }[]>`
    select lane_id, count(*)::int as open from conversation
    where account_id = ${accountId} and lane_id is not null group by lane_id`;
  return new Map(rows.map(({ lane_id, open }) => [lane_id, open]));
}

export type TimedClose = {
  address: string;
  channel: string;
  skill: string | null;
  end_reason: string;
  ended_at: Date;
  last_activity_at: Date;
  lateness_ms: string;
};

/** Returns the given conversations that a timer has ended, ordered by end. */
export function readTimedCloses(
  sql: Sql,
  accountId: string,
  conversationIds: readonly string[],
): Promise<TimedClose[]> {
  return sql<TimedClose[]>`
    select contact.address, channel.name as channel, skill.name as skill, end_reason, ended_at, last_activity_at, lateness_ms
    from conversation
    join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
    join channel on channel.account_id = conversation.account_id and channel.id = conversation.channel_id
    left join skill on skill.account_id = conversation.account_id and skill.id = conversation.skill_id
    where conversation.account_id = ${accountId} and conversation.id = any(${[...conversationIds]})
      and status = 'ENDED' and lateness_ms is not null order by ended_at`;
}
