import type { Sql, TransactionSql } from 'postgres';
import { CLOCK_COLUMNS } from '../db/rows/conversations.ts';
import type { ClockName } from '../domain/conversation/conversation.ts';

/** A question for the least live clock of a lane that is not before `lower`. */
export type Probe = { clock: ClockName; lower: Date };

/** Locks a lane: who enters it with an old clock has committed, or will come after. Null where there is none. */
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

/** The rules version and the answers to probes, all in one snapshot. */
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

/** The statement for a list of clocks; for EXPLAIN as well as for use. */
export function probeStatement(clocks: readonly ClockName[]): string {
  const heads = clocks.map((clock, index) => {
    const { column, condition } = CLOCK_COLUMNS[clock];
    return `(select ${column} from conversation where account_id = $1 and lane_id = $2 and ${column} >= $${index + 3} ${condition} order by ${column} limit 1) as head_${index}`;
  });
  return `select ${[...heads, 'rules_version'].join(', ')} from account where account_id = $1`;
}

/** The instant below which a lane has no live clock that its timers use, found anew (its own may be unknown). */
export function leastOf(heads: readonly (Date | null)[], atMost: Date): Date {
  return heads.reduce<Date>((least, head) => (head !== null && head < least ? head : least), atMost);
}

/** Writes a locked lane's alarm; it is not to be woken at all where `wakeAt` is null. */
export async function setAlarm(
  sql: TransactionSql,
  accountId: string,
  laneId: string,
  wakeAt: Date | null,
  floor: Date,
) {
  await sql.unsafe(
    'update lane set wake_at = $3, floor = $4 where account_id = $1 and id = $2',
    [accountId, laneId, wakeAt, floor],
    { prepare: true },
  );
}
