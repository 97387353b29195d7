import type { Sql } from 'postgres';
import type { OpenHours } from '../../domain/time/open-hours.ts';

export type NamedRow = { id: string; name: string };
export type AgentRow = NamedRow & {
  kind: 'HUMAN' | 'BOT';
  online: boolean;
  capacity: number | null;
  subject: string | null;
};
export type ChannelRow = NamedRow & { adapterId: string; calendarId: string | null };
export type CalendarRow = NamedRow & { hours: OpenHours };

/** The tables whose rows have a name that is unique in the account, with the type of their rows. */
export type NamedRows = { agent: AgentRow; channel: ChannelRow; skill: NamedRow; calendar: CalendarRow };
export type NamedTable = keyof NamedRows;
const NAMED_COLUMNS: Readonly<Record<NamedTable, string>> = {
  agent: 'id, name, kind, online, capacity, subject',
  channel: 'id, name, adapter as "adapterId", calendar_id as "calendarId"',
  skill: 'id, name',
  calendar: 'id, name, hours',
};

/** Returns agents, channels, skills or calendars by id, unordered. */
export async function readNamed<Table extends NamedTable>(
  sql: Sql,
  table: Table,
  accountId: string,
  ids: readonly string[],
): Promise<NamedRows[Table][]> {
  return await sql.unsafe<NamedRows[Table][]>(
    `select ${NAMED_COLUMNS[table]} from ${table} where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Returns a page of rows ordered by name, beginning after the name `after`. */
export async function readNamedPage<Table extends NamedTable>(
  sql: Sql,
  table: Table,
  accountId: string,
  { after, limit }: { after: string | null; limit: number },
): Promise<NamedRows[Table][]> {
  return await sql.unsafe<NamedRows[Table][]>(
    `select ${NAMED_COLUMNS[table]} from ${table} where account_id = $1 and ($2::text is null or name > $2) order by name limit $3`,
    [accountId, after, limit],
    { prepare: true },
  );
}
