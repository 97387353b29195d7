import type { Progress } from '../../src/insight/replay/timeline.ts';
import { setPolicy } from '../../test/support/flows.ts';
import { closeByPlainSql } from '../baselines/floor-close.ts';
import { closeRowByRow } from '../baselines/row-by-row-close.ts';
import { timed, until } from '../measure.ts';
import type { Figure, Findings } from '../report.ts';
import { QUIET_MS } from '../seed.ts';
import { type Stage, tidy } from '../stage.ts';
import { type Subscriber, subscribe } from '../subscriber.ts';

/** The share of the conversations that falls due at once; the floor closes as many, half of them before and half after. */
const SHARE = 0.3;
/** The same where nobody is told of ends. */
const SHARE_UNTOLD = 0.15;
/** The share that each way of going row by row has to work on at most at a time, and for how long it does. */
const SHARE_BY_ROW = 0.01;
const BY_ROW_MS = 8_000;
const HOUR_MS = 3_600_000;
const LIMIT_MS = 600_000;
const POLL_MS = 25;
/** One at a time, as Chatwoot goes through an account; and with many jobs at a time. What the engine is to be ahead by. */
const BY_ROW = [
  { concurrency: 1, atLeast: 20 },
  { concurrency: 16, atLeast: 5 },
] as const;

type Run = { closed: number; ms: number };

/**
 * How fast conversations close that fall due at once in all lanes, as when a threshold is lowered, with an event and a
 * webhook for each: against plain SQL, and against a job for each. Then without anybody to tell, against plain SQL.
 */
export async function closeDue(stage: Stage, _options: unknown, onProgress: Progress): Promise<Findings> {
  const failures: string[] = [];
  /** The longest quiet go first; this share of all conversations has been closed, or could have been. */
  let upTo = 0;
  let step = 0;
  const next = (share: number) => {
    onProgress(step++, STEPS);
    upTo += share;
    return upTo;
  };
  const rowByRow = async (told: Subscriber) => {
    const runs: Run[] = [];
    for (const { concurrency } of BY_ROW)
      runs.push(await closeByRow(stage, next(SHARE_BY_ROW), told, concurrency));
    return runs;
  };
  const round = async (told: Subscriber | null, share: number) => {
    const before = await closeByFloor(stage, next(share / 2), told);
    const engine = await closeByEngine(stage, next(share), told);
    const after = await closeByFloor(stage, next(share / 2), told);
    failures.push(...engine.failures);
    return { engine, floor: sumOf(before, after) };
  };

  const told = await subscribe(stage);
  const rowsBefore = await rowByRow(told);
  const owing = await round(told, SHARE);
  const rowsAfter = await rowByRow(told);
  await told.close();
  const untold = await round(null, SHARE_UNTOLD);
  onProgress(STEPS, STEPS);

  const byRow = BY_ROW.flatMap(({ concurrency, atLeast }, index): Figure[] => {
    const rate = rateOf(sumOf(rowsBefore[index], rowsAfter[index]));
    const name = `row by row, ${concurrency} at once`;
    return [
      { name, value: rate, unit: '/s' },
      { name: `engine / ${name}`, value: rateOf(owing.engine) / rate, unit: '×', atLeast },
    ];
  });
  return {
    figures: [...figuresOf('', owing), ...byRow, ...figuresOf(', nobody told', untold)],
    failures,
  };
}

/** How many parts it has, for the progress shown. */
const STEPS = 2 * BY_ROW.length + 6;

function figuresOf(what: string, { engine, floor }: { engine: Run; floor: Run }): Figure[] {
  return [
    { name: `closed by the engine${what}`, value: engine.closed, unit: '' },
    { name: `engine${what}`, value: rateOf(engine), unit: '/s' },
    { name: `closed by the floor${what}`, value: floor.closed, unit: '' },
    { name: `floor${what}`, value: rateOf(floor), unit: '/s' },
    { name: `engine / floor${what}`, value: rateOf(engine) / rateOf(floor), unit: '×', atLeast: 0.7 },
  ];
}

function sumOf(one: Run | undefined, other: Run | undefined): Run {
  return {
    closed: (one?.closed ?? 0) + (other?.closed ?? 0),
    ms: (one?.ms ?? 0) + (other?.ms ?? 0),
  };
}

function rateOf({ closed, ms }: Run): number {
  return (closed * 1000) / ms;
}

/** The clocks up to this are those of a share of all conversations. */
function cutoffAt({ engine }: Stage, upTo: number): Date {
  return new Date(engine.clock.now().getTime() - QUIET_MS * (1 - upTo));
}

async function closeByFloor(stage: Stage, upTo: number, told: Subscriber | null): Promise<Run> {
  const { ms, result } = await timed(() => closeByPlainSql(stage, cutoffAt(stage, upTo), told));
  await tidy(stage);
  return { closed: result, ms };
}

async function closeByRow(stage: Stage, upTo: number, told: Subscriber, concurrency: number): Promise<Run> {
  const { admin, big } = stage;
  const rows = await admin<{ id: string }[]>`
    select id from conversation where account_id = ${big.accountId} and status <> 'ENDED'
      and last_activity_at <= ${cutoffAt(stage, upTo)}`;
  const ids = rows.map(({ id }) => id);
  const run = await closeRowByRow(stage, ids, told, { concurrency, forMs: BY_ROW_MS });
  await tidy(stage);
  return run;
}

/** Lowers the threshold so that the share is due, and waits until the lanes have ended all of it. */
async function closeByEngine(
  stage: Stage,
  upTo: number,
  told: Subscriber | null,
): Promise<Run & { failures: string[] }> {
  const { admin, big, engine } = stage;
  const after = Math.round((QUIET_MS * (1 - upTo)) / HOUR_MS);
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const counted = admin`
    select count(*)::int as open,
      count(*) filter (where last_activity_at <= ${engine.clock.now()}::timestamptz - ${after} * interval '1 hour')::int as due,
      (select count(*)::int from outbox where account_id = ${big.accountId}) as owed
    from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
  const [before] = await counted;
  const { ms } = await timed(async () => {
    const fields = { autoCloseAfter: `PT${after}H` };
    await setPolicy(engine.deps, big.accountId, { ...place, fields }, { changedBy: 'bench', why: null });
    await until('everything due closed', LIMIT_MS, POLL_MS, async () => !(await isAnybodyDue(stage, after)));
  });
  const [now] = await admin`
    select count(*)::int as open, (select count(*)::int from outbox where account_id = ${big.accountId}) as owed
    from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
  const closed = before?.open - now?.open;
  const owed = now?.owed - before?.owed;
  await tidy(stage);
  const [twice] = await admin`
    select count(*)::int as count from (
      select conversation_id from event where account_id = ${big.accountId} and effect = 'ENDED'
      group by conversation_id having count(*) > 1
    ) as ended`;
  return {
    closed,
    ms,
    failures: [
      ...(before?.due === 0 ? ['nothing was due'] : []),
      ...(closed < before?.due ? [`${closed} closed of ${before?.due} that were due`] : []),
      ...(twice?.count > 0 ? [`${twice?.count} ended twice`] : []),
      ...(owed === (told ? closed : 0) ? [] : [`${owed} webhooks owed for ${closed} ends`]),
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
