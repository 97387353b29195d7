import type { Sql } from 'postgres';
import { assignmentsOf, namesOf } from '../db/rows/columns.ts';
import { OPEN_COLUMNS, type StoredConversation } from '../db/rows/conversations.ts';
import { EVENT_COLUMNS } from '../db/rows/events.ts';
import { type Column, single, unnest, valuesOf, valuesOfOne } from '../db/rows/unnest.ts';
import { hasSqlstate } from '../db/sqlstate.ts';
import type { Event } from '../domain/conversation/event.ts';

/** An open conversation as it was read, and as it is to be written, still open. */
export type Rewrite = { before: StoredConversation; after: StoredConversation };

const COLUMNS: readonly Column<Rewrite>[] = [
  ...OPEN_COLUMNS.map(
    ({ name, type, of }): Column<Rewrite> => ({ name, type, of: ({ after }) => of(after) }),
  ),
  { name: 'id', type: 'uuid', of: ({ after }) => after.id },
  { name: 'was_revision', type: 'int', of: ({ before }) => before.revision },
  { name: 'was_lane_id', type: 'uuid', of: ({ before }) => before.laneId },
];

/** Divides by zero, and so rolls back, if some but not all of the conversations were unchanged. */
const write = (rewrites: string, events: string) => `
  with written as (
    update conversation set ${assignmentsOf(OPEN_COLUMNS)}
    from (${rewrites}) as rows
    where conversation.account_id = $1::uuid and conversation.id = rows.id
      and conversation.revision = rows.was_revision and conversation.lane_id = rows.was_lane_id
      and clock_timestamp() < $3::timestamptz and (select set_config('lock_timeout', $4::text, true)) is not null
    returning 1
  ), fed as (
    insert into event (account_id, ${namesOf(EVENT_COLUMNS)})
    select $1::uuid, rows.* from (${events}) as rows where (select count(*) from written) = $2::int
  )
  select count(*)::int as written, 1 / (count(*) in (0, $2::int))::int from written`;
const FROM = 5;
const EVENTS_FROM = FROM + COLUMNS.length;
const WRITE = {
  one: write(single(COLUMNS, FROM), single(EVENT_COLUMNS, EVENTS_FROM)),
  many: write(unnest(COLUMNS, FROM), unnest(EVENT_COLUMNS, EVENTS_FROM)),
};

/** A write of conversations and their events, which has to begin by an instant of the database's time. */
type Update = {
  rewrites: readonly Rewrite[];
  events: readonly Event[];
  beginBy: Date;
  /** How long the statement waits for a locked row. */
  lockWaitMs: number;
};

/**
 * Writes conversations and their events in one autocommitted statement, if every conversation still has the revision and
 * the lane with which it was read; all of them or none. False, with nothing written, if one of them changed or the statement
 * began too late, however long the process or the statement was held up.
 * @throws PostgresError with SQLSTATE 55P03 if a row stayed locked for longer than `lockWaitMs`
 */
export async function updateIfUnchanged(
  sql: Sql,
  accountId: string,
  { rewrites, events, beginBy, lockWaitMs }: Update,
): Promise<boolean> {
  // Sorted by id, the order in which every transaction locks conversations.
  const sorted = [...rewrites].sort((a, b) => (a.after.id < b.after.id ? -1 : 1));
  const [rewrite, event] = [sorted[0], events[0]];
  const isOne = rewrite !== undefined && event !== undefined && sorted.length === 1 && events.length === 1;
  const values = isOne
    ? [...valuesOfOne(COLUMNS, rewrite), ...valuesOfOne(EVENT_COLUMNS, event)]
    : [...valuesOf(COLUMNS, sorted), ...valuesOf(EVENT_COLUMNS, events)];
  const given = [accountId, sorted.length, beginBy, String(lockWaitMs), ...values];
  try {
    const [row] = await sql.unsafe(isOne ? WRITE.one : WRITE.many, given, { prepare: true });
    return row?.written === sorted.length;
  } catch (error) {
    if (hasSqlstate(error, 'divisionByZero')) return false;
    throw error;
  }
}
