import type { Sql, TransactionSql } from 'postgres';
import { CLOCK_COLUMNS } from '../db/rows/conversations.ts';
import type { Lane } from '../db/rows/lanes.ts';
import type { ClockName } from '../domain/conversation/conversation.ts';

/** A search for the earliest clock of a lane's conversations that is not before `lower`. */
export type Probe = { clock: ClockName; lower: Date };

/** Locks a lane. A conversation that enters it with an old clock has then committed, or commits later. Null for an unknown lane. */
export async function lockLane(
  sql: TransactionSql,
  accountId: string,
  laneId: string,
): Promise<{ floor: Date } | null> {
  const [row] = await sql.unsafe<{ floor: Date }[]>(
    'select floor from lane where account_id = $1 and id = $2 for no key update',
    [accountId, laneId],
    { prepare: true },
  );
  return row ?? null;
}

/** Reads the rules version and the results of probes in one snapshot. */
export async function probe(
  sql: Sql | TransactionSql,
  accountId: string,
  laneId: string,
  probes: readonly Probe[],
): Promise<{ rulesVersion: number; heads: (Date | null)[] }> {
  const [row] = await sql.unsafe(
    probeStatement(probes.map((each) => each.clock)),
    probes.length === 0 ? [accountId] : [accountId, laneId, ...probes.map((each) => each.lower)],
    { prepare: true },
  );
  return {
    rulesVersion: Number(row?.rules_version),
    heads: probes.map((_, index) => row?.[`head_${index}`] ?? null),
  };
}

/** The statement that probes a list of clocks. Exported so that EXPLAIN can use it. */
export function probeStatement(clocks: readonly ClockName[]): string {
  const heads = clocks.map((clock, index) => {
    const { column, condition } = CLOCK_COLUMNS[clock];
    return `(select ${column} from conversation where account_id = $1 and lane_id = $2 and ${column} >= $${index + 3} ${condition} order by ${column} limit 1) as head_${index}`;
  });
  return `select ${[...heads, 'rules_version'].join(', ')} from account where account_id = $1`;
}

/** The earliest of the instants that probes found, and of `atMost`. */
export function earliestOf(heads: readonly (Date | null)[], atMost: Date): Date {
  return heads.reduce<Date>((least, head) => (head !== null && head < least ? head : least), atMost);
}

/** Writes the alarm and the floor of a locked lane. It is not woken at all if `wakeAt` is null. */
export async function setAlarm(
  sql: TransactionSql,
  accountId: string,
  { id, wakeAt, floor }: Pick<Lane, 'id' | 'wakeAt' | 'floor'>,
): Promise<void> {
  await sql.unsafe(
    'update lane set wake_at = $3, floor = $4 where account_id = $1 and id = $2',
    [accountId, id, wakeAt, floor],
    { prepare: true },
  );
}
