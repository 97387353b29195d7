import type { TransactionSql } from 'postgres';
import { LANE_COLUMNS, type Lane, laneOf, type NewLane } from '../db/rows/lanes.ts';
import { unnest, valuesOf } from '../db/rows/unnest.ts';

/** The facts that can be null. They are compared by cases, because an index cannot serve `is not distinct from`. */
const NULLABLE = new Set(['skill_id', 'case_status']);
const FACTS = LANE_COLUMNS.map(({ name }) => name).filter((name) => name !== 'id');
const isSame = (name: string) =>
  NULLABLE.has(name)
    ? `(lane.${name} = rows.${name} or (lane.${name} is null and rows.${name} is null))`
    : `lane.${name} = rows.${name}`;
const READ = `
  select lane.account_id, lane.id, ${FACTS.map((name) => `lane.${name}`).join(', ')}, lane.wake_at, lane.floor
  from (${unnest(LANE_COLUMNS, 2)}) as rows
  join lane on lane.account_id = $1::uuid and ${FACTS.map(isSame).join(' and ')}`;

/** Reads the lanes with the given facts, by the unique index `lane_facts`. */
export async function readLanesByFacts(
  sql: TransactionSql,
  accountId: string,
  wanted: readonly NewLane[],
): Promise<Lane[]> {
  const rows = await sql.unsafe(READ, [accountId, ...valuesOf(LANE_COLUMNS, wanted)], { prepare: true });
  return rows.map(laneOf);
}
