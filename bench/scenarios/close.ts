import { setPolicy } from '../../src/lifecycle/change-rules.ts';
import { closeByPlainSql } from '../baselines/floor-close.ts';
import { timed, until } from '../measure.ts';
import type { Findings } from '../report.ts';
import { QUIET_MS } from '../seed.ts';
import { type Stage, settled, tidy } from '../stage.ts';

/** The share of the conversations that falls due at once; the floor closes as many, half of them before and half after. */
const SHARE = 0.3;
const HOUR_MS = 3_600_000;
const LIMIT_MS = 600_000;

/** How fast conversations close that fall due at once in all lanes, as when a threshold is lowered, against plain SQL. */
export async function closeDue(stage: Stage): Promise<Findings> {
  const first = await closeByFloor(stage, SHARE / 2);
  const engine = await closeByEngine(stage, SHARE * 1.5);
  const last = await closeByFloor(stage, SHARE * 2);
  const floor = { closed: first.closed + last.closed, ms: first.ms + last.ms };
  const engineRate = (engine.closed * 1000) / engine.ms;
  const floorRate = (floor.closed * 1000) / floor.ms;
  return {
    figures: [
      { name: 'closed by the engine', value: engine.closed, unit: '' },
      { name: 'engine', value: engineRate, unit: '/s' },
      { name: 'closed by the floor', value: floor.closed, unit: '' },
      { name: 'floor', value: floorRate, unit: '/s' },
      { name: 'engine / floor', value: engineRate / floorRate, unit: '×', atLeast: 0.7 },
    ],
    failures: engine.failures,
  };
}

/** The longest quiet come first; `upTo` is the share of all conversations that has been closed by then. */
async function closeByFloor(stage: Stage, upTo: number): Promise<{ closed: number; ms: number }> {
  const cutoff = new Date(stage.engine.clock.now().getTime() - QUIET_MS * (1 - upTo));
  const { ms, result } = await timed(() => closeByPlainSql(stage, cutoff));
  await tidy(stage);
  return { closed: result, ms };
}

/** Lowers the threshold so that the share is due, and waits until the lanes have ended all of it. */
async function closeByEngine(
  stage: Stage,
  upTo: number,
): Promise<{ closed: number; ms: number; failures: string[] }> {
  const { admin, big, engine } = stage;
  const after = Math.round((QUIET_MS * (1 - upTo)) / HOUR_MS);
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const counted = admin`
    select count(*)::int as open,
      count(*) filter (where last_activity_at <= ${engine.clock.now()}::timestamptz - ${after} * interval '1 hour')::int as due
    from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
  const [before] = await counted;
  const closed = async () => {
    const [now] = await admin`
      select count(*)::int as open from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
    return before?.open - now?.open;
  };
  const { ms } = await timed(async () => {
    const fields = { autoCloseAfter: `PT${after}H` };
    await setPolicy(engine.deps, big.accountId, { ...place, fields }, { changedBy: 'bench', why: null });
    await settled(stage, big);
    await until('everything due closed', LIMIT_MS, 20, async () => !(await isAnybodyDue(stage, after)));
  });
  const count = await closed();
  await tidy(stage);
  const [twice] = await admin`
    select count(*)::int as count from (
      select conversation_id from event where account_id = ${big.accountId} and effect = 'ENDED'
      group by conversation_id having count(*) > 1
    ) as ended`;
  return {
    closed: count,
    ms,
    failures: [
      ...(count < before?.due ? [`${count} closed of ${before?.due} that were due`] : []),
      ...(twice?.count > 0 ? [`${twice?.count} ended twice`] : []),
    ],
  };
}

/** Each lane's head, by its index: a count of them all would take part of the machine away from the closing. */
async function isAnybodyDue({ admin, big, engine }: Stage, afterHours: number): Promise<boolean> {
  const cutoff = new Date(engine.clock.now().getTime() - afterHours * HOUR_MS - 1000);
  const [row] = await admin`
    select exists (
      select from lane where account_id = ${big.accountId} and exists (
        select from conversation where lane_id = lane.id and account_id = lane.account_id
          and last_activity_at >= lane.floor and last_activity_at <= ${cutoff}
      )
    ) as due`;
  return row?.due;
}
