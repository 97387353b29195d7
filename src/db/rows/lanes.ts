import type { Sql, TransactionSql } from 'postgres';
import { type LaneFacts, laneKey } from '../../domain/conversation/conversation.ts';
import { lane } from '../tables/conversation.ts';
import { columnsOf, namesOf, readerOf, type ValuesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

/** A lane with its alarm. */
export type Lane = { accountId: string; id: string; facts: LaneFacts; wakeAt: Date | null; floor: Date };

/** When a lane is to be woken; the payload of a wake job. `instead`: the later alarm that it replaces, if there was one. */
export type Alarm = { accountId: string; laneId: string; wakeAt: Date; instead?: Date };

export type NewLane = { id: string; facts: LaneFacts };
const FACTS: ValuesOf<typeof lane, NewLane, 'accountId' | 'id' | 'wakeAt' | 'floor'> = {
  channelId: (row) => row.facts.channelId,
  skillId: (row) => row.facts.skillId,
  status: (row) => row.facts.status,
  awaiting: (row) => row.facts.awaiting,
  caseStatus: (row) => row.facts.caseStatus,
  held: (row) => row.facts.held,
  manualResponseTime: (row) => row.facts.manualResponseTime,
  exempt: (row) => row.facts.exempt,
  stage: (row) => row.facts.stage,
  overflowed: (row) => row.facts.overflowed,
};
export const FACT_COLUMNS = columnsOf(lane, FACTS);
/** The columns of a lane's id and facts. */
export const LANE_COLUMNS = columnsOf(lane, { id: (row: NewLane) => row.id, ...FACTS });
/** The columns to select for `laneOf`. */
export const LANE_NAMES = [
  'lane.account_id',
  namesOf(LANE_COLUMNS, 'lane.'),
  'lane.wake_at',
  'lane.floor',
].join(', ');

const INSERT = `insert into lane (account_id, ${namesOf(LANE_COLUMNS)}, wake_at, floor)
  select $1::uuid, rows.*, $2::timestamptz, to_timestamp(0) from (${unnest(LANE_COLUMNS, 3)}) as rows
  on conflict do nothing`;

/**
 * Inserts lanes, ordered by their facts. They are woken at once, and settling then finds their alarm and their floor: the
 * first conversations may have old clocks, and fresh clocks lower no lane.
 */
export async function insertLanes(
  sql: TransactionSql,
  accountId: string,
  lanes: readonly NewLane[],
  now: Date,
) {
  const sorted = [...lanes].sort((a, b) => (laneKey(a.facts) < laneKey(b.facts) ? -1 : 1));
  await sql.unsafe(INSERT, [accountId, now, ...valuesOf(LANE_COLUMNS, sorted)], { prepare: true });
}

/** All lanes of an account on some channels. */
export async function lanesOn(
  sql: Sql | TransactionSql,
  accountId: string,
  channelIds: readonly string[],
): Promise<Lane[]> {
  const rows = await sql.unsafe(
    `select ${LANE_NAMES} from lane where account_id = $1 and channel_id = any($2::uuid[])`,
    [accountId, channelIds as string[]],
    { prepare: true },
  );
  return rows.map(laneOf);
}

/** A lane, with its account's rules version as of the same snapshot. */
export async function readLane(
  sql: Sql,
  accountId: string,
  laneId: string,
): Promise<(Lane & { rulesVersion: number }) | null> {
  const [row] = await sql.unsafe(
    `select ${LANE_NAMES}, account.rules_version
     from lane join account using (account_id) where lane.account_id = $1 and lane.id = $2`,
    [accountId, laneId],
    { prepare: true },
  );
  return row ? { ...laneOf(row), rulesVersion: Number(row.rules_version) } : null;
}

/**
 * Lowers `wake_at` and `floor` of lanes that conversations entered with old clocks, and returns their alarms. Locks the
 * lanes ordered by id; it is the last statement of a transaction.
 */
export async function lowerLanes(
  sql: TransactionSql,
  accountId: string,
  lanes: readonly { laneId: string; wakeAt: Date; floor: Date }[],
): Promise<Alarm[]> {
  const rows = await sql.unsafe<{ id: string; wake_at: Date; former: Date | null }[]>(
    `with locked as materialized (
       select id, wake_at as former from lane where account_id = $1 and id = any($2::uuid[]) order by id for no key update
     )
     update lane set wake_at = least(lane.wake_at, rows.wake_at::timestamptz), floor = least(lane.floor, rows.floor::timestamptz)
     from unnest($2::uuid[], $3::text[], $4::text[]) as rows (id, wake_at, floor) join locked using (id)
     where lane.account_id = $1 and lane.id = rows.id
     returning lane.id, lane.wake_at, former`,
    [
      accountId,
      lanes.map((each) => each.laneId),
      lanes.map((each) => each.wakeAt.toISOString()),
      lanes.map((each) => each.floor.toISOString()),
    ],
    { prepare: true },
  );
  return rows.map((row) => alarmOf(accountId, row.id, row.wake_at, row.former));
}

/**
 * Sets every lane of an account to be woken now, ordered by id, so that a change of rules takes effect. Resets the floors,
 * because clocks that no timer used until now may be older.
 */
export async function scheduleAllLanes(sql: TransactionSql, accountId: string, now: Date): Promise<Alarm[]> {
  const rows = await sql.unsafe<{ id: string; former: Date | null }[]>(
    `with locked as materialized (select id, wake_at as former from lane where account_id = $1 order by id for no key update)
     update lane set wake_at = $2, floor = to_timestamp(0) from locked where lane.account_id = $1 and lane.id = locked.id returning lane.id, former`,
    [accountId, now],
    { prepare: true },
  );
  return rows.map((row) => alarmOf(accountId, row.id, now, row.former));
}

function alarmOf(accountId: string, laneId: string, wakeAt: Date, former: Date | null): Alarm {
  const alarm = { accountId, laneId, wakeAt };
  return former !== null && former > wakeAt ? { ...alarm, instead: former } : alarm;
}

/** The alarms up to an instant, of lanes of all accounts, the most overdue first. */
export async function alarmsUpTo(sql: Sql, until: Date, limit: number): Promise<Alarm[]> {
  const rows = await sql`
    select account_id as "accountId", id as "laneId", wake_at as "wakeAt" from lane
    where wake_at <= ${until} order by wake_at limit ${limit}`;
  return rows as unknown as Alarm[];
}

/** Accounts whose lanes are not scheduled for their newest rules yet. */
export async function unscheduledAccounts(sql: Sql, limit: number): Promise<string[]> {
  const rows =
    await sql`select account_id from account where scheduled_version <> rules_version limit ${limit}`;
  return rows.map((row) => row.account_id);
}

/** Reads a row selected with `LANE_NAMES`. */
export const laneOf = readerOf(
  lane,
  (row): Lane => ({
    accountId: row.account_id,
    id: row.id,
    facts: {
      channelId: row.channel_id,
      skillId: row.skill_id,
      status: row.status,
      awaiting: row.awaiting,
      caseStatus: row.case_status,
      held: row.held,
      manualResponseTime: row.manual_response_time,
      exempt: row.exempt,
      stage: row.stage,
      overflowed: row.overflowed,
    },
    wakeAt: row.wake_at,
    floor: row.floor,
  }),
);
