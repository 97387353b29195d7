import type { TransactionSql } from 'postgres';
import { FACT_COLUMNS, LANE_COLUMNS, LANE_NAMES, type Lane, laneOf, type NewLane } from '../db/rows/lanes.ts';
import { unnest, valuesOf } from '../db/rows/unnest.ts';

/** Facts that can be null are compared by cases, because an index cannot serve `is not distinct from`. */
const isSame = ({ name, isNullable }: (typeof FACT_COLUMNS)[number]) =>
  isNullable
    ? `(lane.${name} = rows.${name} or (lane.${name} is null and rows.${name} is null))`
    : `lane.${name} = rows.${name}`;
const READ = `
  select ${LANE_NAMES}
  from (${unnest(LANE_COLUMNS, 2)}) as rows
  join lane on lane.account_id = $1::uuid and ${FACT_COLUMNS.map(isSame).join(' and ')}`;

/** Reads the lanes with the given facts, by the unique index `lane_facts`. */
export async function readLanesByFacts(
  sql: TransactionSql,
  accountId: string,
  wanted: readonly NewLane[],
): Promise<Lane[]> {
  const rows = await sql.unsafe(READ, [accountId, ...valuesOf(LANE_COLUMNS, wanted)], { prepare: true });
  return rows.map(laneOf);
}
