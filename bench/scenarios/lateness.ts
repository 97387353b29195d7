import { setTimeout as sleep } from 'node:timers/promises';
import { lowerLanes } from '../../src/db/rows/lanes.ts';
import { percentile, seededRandom } from '../measure.ts';
import type { Findings } from '../report.ts';
import { AUTO_CLOSE_AFTER_MS } from '../seed.ts';
import type { Stage } from '../stage.ts';

const A_SECOND = 200;
/** Time to write the clocks before the first of them is due. */
const AHEAD_MS = 10_000;
/** After the last one is due, this long for those that are late. */
const WAIT_MS = 10_000;

type Closed = { due: Date; ended_at: Date | null; end_reason: string | null; lateness_ms: number | null };

/** How late conversations close that fall due one by one in all lanes, 200 a second. */
export async function lateness(stage: Stage, seconds: number): Promise<Findings> {
  const { admin } = stage;
  const dueIds = await spread(stage, seconds);
  await sleep(AHEAD_MS + seconds * 1000 + WAIT_MS);
  const rows = await admin<Closed[]>`
    select last_activity_at + ${AUTO_CLOSE_AFTER_MS} * interval '1 millisecond' as due, ended_at, end_reason, lateness_ms::int
    from conversation where account_id = ${stage.big.accountId} and id = any(${dueIds})`;
  const closed = rows.flatMap(({ due, ended_at, lateness_ms }) =>
    ended_at === null ? [] : [{ lateMs: ended_at.getTime() - due.getTime(), storedMs: lateness_ms }],
  );
  const lateMs = closed.map((each) => each.lateMs);
  const early = lateMs.filter((ms) => ms < 0).length;
  const lost = rows.length - closed.length;
  const wrong = closed.filter((each) => each.storedMs !== each.lateMs).length;
  return {
    figures: [
      { name: 'closed', value: closed.length, unit: '' },
      { name: 'a second', value: closed.length / seconds, unit: '/s' },
      { name: 'lateness p50', value: percentile(lateMs, 0.5), unit: 'ms' },
      { name: 'lateness p99', value: percentile(lateMs, 0.99), unit: 'ms', atMost: 1000 },
      { name: 'lateness, most', value: Math.max(0, ...lateMs), unit: 'ms', atMost: 3000 },
      { name: 'early', value: early, unit: '', atMost: 0 },
      { name: 'still open', value: lost, unit: '', atMost: 0 },
    ],
    failures: [
      ...(early > 0 ? [`${early} closed early`] : []),
      ...(lost > 0 ? [`${lost} not closed ${WAIT_MS} ms after they were due`] : []),
      ...(wrong > 0 ? [`${wrong} with a stored lateness that is not ended_at - due`] : []),
    ],
  };
}

/** Gives conversations of every lane in turn a clock that falls due within the time, and tells the lanes of it. */
async function spread({ admin, big, engine }: Stage, seconds: number): Promise<string[]> {
  const { accountId, lanes } = big;
  const count = Math.min(A_SECOND * seconds, Math.floor(big.conversations / 2));
  const eachLane = Math.ceil(count / lanes.length);
  const chosen = await admin<{ id: string; lane_id: string }[]>`
    select chosen.id, lane.id as lane_id from lane, lateral (
      select id from conversation where conversation.account_id = ${accountId} and lane_id = lane.id
      order by last_activity_at desc limit ${eachLane}
    ) as chosen where lane.account_id = ${accountId}`;

  const random = seededRandom(1);
  const first = engine.clock.now().getTime() + AHEAD_MS;
  const clocks = chosen.map(
    () => new Date(first + Math.floor(random() * seconds * 1000) - AUTO_CLOSE_AFTER_MS),
  );
  const ids = chosen.map(({ id }) => id);
  const firstOfLane = new Map<string, Date>();
  for (const [index, { lane_id }] of chosen.entries()) {
    const clock = clocks[index] as Date;
    const known = firstOfLane.get(lane_id);
    if (known === undefined || clock < known) firstOfLane.set(lane_id, clock);
  }
  const alarms = await admin.begin(async (sql) => {
    await sql`
      update conversation set last_activity_at = clock::timestamptz, placed_at = clock::timestamptz
      from unnest(${ids}::uuid[], ${clocks.map((clock) => clock.toISOString())}::text[]) as clocks (id, clock)
      where account_id = ${accountId} and conversation.id = clocks.id`;
    const told = [...firstOfLane].map(([laneId, floor]) => ({
      laneId,
      wakeAt: new Date(floor.getTime() + AUTO_CLOSE_AFTER_MS),
      floor,
    }));
    return await lowerLanes(sql, accountId, told);
  });
  await engine.deps.afterCommit(Promise.resolve({ result: null, caused: { alarms } }));
  return ids;
}
