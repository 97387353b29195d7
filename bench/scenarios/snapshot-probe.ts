import { setTimeout as sleep } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';
import { laneOf, lowerLanes } from '../../src/db/rows/lanes.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import { timersFor } from '../../src/domain/time/timers.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { type Probe, probe, probeStatement } from '../../src/wake/lane-alarm.ts';
import { lowerOf } from '../../src/wake/settle-lane.ts';
import { explainStatement } from '../explain-statement.ts';
import { percentile, timed } from '../measure.ts';
import { activityOf, messageSource } from '../messages.ts';
import type { Figure, Findings } from '../report.ts';
import { AUTO_CLOSE_AFTER_MS } from '../seed.ts';
import { type Stage, settled } from '../stage.ts';

/** Lanes in which conversations fall due all the time, and the share of each that does. */
const BUSY_LANES = 10;
const SHARE = 0.4;
/** Traffic of messages beside it, on all lanes. */
const MESSAGES_A_CALL = 20;
const CALL_EVERY_MS = 50;
/** Time to write the clocks before the first of them is due. */
const AHEAD_MS = 10_000;
const PROBES_A_LANE = 20;
const BEGINNING = new Date(0);

type Measured = { server: number[]; roundTrip: number[]; buffers: number[] };

/**
 * How long the probe of a settling takes while another session has held a snapshot for minutes, so that no index entry
 * of a conversation that has left a lane may go: messages come in on all lanes, and in some of them conversations fall
 * due from the longest quiet on, close, and the lane settles. With the lane's floor, as the engine probes; and
 * without, as it would have to, and as it does once after a change of rules.
 */
export async function snapshotProbe(stage: Stage, seconds: number, onProgress: Progress): Promise<Findings> {
  const { admin, engine, big } = stage;
  const laneIds = big.lanes
    .filter((_, index) => index % 7 === 0)
    .slice(0, BUSY_LANES)
    .map(({ id }) => id);
  const holder = await admin.reserve();
  try {
    await holder`begin isolation level repeatable read`;
    await holder`select count(*) from lane`;
    const falling = await fallDue(stage, laneIds, seconds);
    const messages = await sendMessages(stage, seconds + AHEAD_MS / 1000, onProgress);
    const rules = await engine.deps.rules.newest(big.accountId);
    const [withFloor, without] = [measuredNone(), measuredNone()];
    for (let time = 0; time < PROBES_A_LANE + 1; time++)
      for (const laneId of laneIds) {
        // The first of each warms up.
        await measure(stage, rules, laneId, 'FLOOR', time === 0 ? measuredNone() : withFloor);
        await measure(stage, rules, laneId, 'NO FLOOR', time === 0 ? measuredNone() : without);
      }
    const [closed] = await admin`
      select count(*)::int as count from conversation
      where account_id = ${big.accountId} and id = any(${falling}) and status = 'ENDED'`;
    return {
      figures: [
        { name: 'the snapshot was held for', value: seconds + AHEAD_MS / 1000, unit: 's' },
        { name: 'messages meanwhile', value: messages, unit: '' },
        { name: `closed meanwhile, in ${laneIds.length} lanes`, value: closed?.count, unit: '' },
        ...figuresOf('probe', withFloor, 1),
        ...figuresOf('probe without the floor', without),
      ],
      failures:
        closed?.count < falling.length * 0.9
          ? [`${closed?.count} closed of ${falling.length} that were due`]
          : [],
    };
  } finally {
    // Once more, in case of an error: it must not go on holding its snapshot.
    await holder`rollback`;
    holder.release();
    await settled(stage, big);
  }
}

/** Gives the longest quiet of some lanes clocks that fall due one after the other within the time, and the lanes their alarms. */
async function fallDue(
  { admin, engine, big }: Stage,
  laneIds: readonly string[],
  seconds: number,
): Promise<string[]> {
  const first = engine.clock.now().getTime() + AHEAD_MS;
  const ids: string[] = [];
  for (const laneId of laneIds) {
    const alarms = await admin.begin(async (sql) => {
      const rows = await sql<{ id: string }[]>`
        with chosen as materialized (
          select id, row_number() over (order by last_activity_at) as number, count(*) over () as total
          from conversation where account_id = ${big.accountId} and lane_id = ${laneId}
        )
        update conversation set last_activity_at = clock, placed_at = clock
        from chosen, lateral (
          select ${new Date(first - AUTO_CLOSE_AFTER_MS)}::timestamptz
            + (number - 1) * ${seconds} * interval '1 second' / (total * ${SHARE}::float8) as clock
        ) as clocks
        where conversation.account_id = ${big.accountId} and conversation.id = chosen.id and number <= total * ${SHARE}::float8
        returning conversation.id`;
      ids.push(...rows.map(({ id }) => id));
      const wakeAt = new Date(first);
      const floor = new Date(first - AUTO_CLOSE_AFTER_MS);
      return await lowerLanes(sql, big.accountId, [{ laneId, wakeAt, floor }]);
    });
    await engine.deps.afterCommit(Promise.resolve({ result: null, caused: { alarms } }));
  }
  return ids;
}

async function sendMessages(stage: Stage, seconds: number, onProgress: Progress): Promise<number> {
  const next = await messageSource(stage);
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  while (performance.now() < end) {
    const { ms } = await timed(() =>
      recordActivities(stage.engine.deps, stage.big.accountId, next(MESSAGES_A_CALL).map(activityOf)),
    );
    sent += MESSAGES_A_CALL;
    onProgress(Math.round(seconds - (end - performance.now()) / 1000), seconds);
    await sleep(Math.max(0, CALL_EVERY_MS - ms));
  }
  return sent;
}

/** The engine's own statement with its own parameters, as a settling of the lane would send it now. */
async function measure(
  { admin, big }: Stage,
  rules: AccountRules,
  laneId: string,
  from: 'FLOOR' | 'NO FLOOR',
  measured: Measured,
): Promise<void> {
  const { accountId } = big;
  await admin.begin(async (sql: TransactionSql) => {
    const [row] = await sql`select * from lane where account_id = ${accountId} and id = ${laneId}`;
    const lane = laneOf(row as Record<string, unknown>);
    const floor = from === 'FLOOR' ? lane.floor : BEGINNING;
    const probes = timersFor(rules, lane.facts).map(
      (timer): Probe => ({ clock: timer.clock, lower: lowerOf(timer, floor) }),
    );
    const { ms } = await timed(() => probe(sql, accountId, laneId, probes));
    measured.roundTrip.push(ms);
    const text = probeStatement(probes.map(({ clock }) => clock));
    const parameters = [accountId, laneId, ...probes.map(({ lower }) => lower)];
    const explained = await explainStatement(sql, 'probe', text, parameters, 'generic');
    measured.server.push(explained.ms);
    measured.buffers.push(explained.buffers);
  });
}

function measuredNone(): Measured {
  return { server: [], roundTrip: [], buffers: [] };
}

function figuresOf(what: string, { server, roundTrip, buffers }: Measured, atMost?: number): Figure[] {
  const target = atMost === undefined ? {} : { atMost };
  return [
    { name: `${what}, p50, in the server`, value: percentile(server, 0.5), unit: 'ms', ...target },
    { name: `${what}, p99, in the server`, value: percentile(server, 0.99), unit: 'ms', ...target },
    { name: `${what}, p50, with its round trip`, value: percentile(roundTrip, 0.5), unit: 'ms', ...target },
    { name: `${what}, p99, with its round trip`, value: percentile(roundTrip, 0.99), unit: 'ms' },
    { name: `${what}, pages, p50`, value: percentile(buffers, 0.5), unit: '' },
  ];
}
