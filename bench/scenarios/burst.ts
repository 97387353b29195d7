import { setTimeout as sleep } from 'node:timers/promises';
import { lowerLanes } from '../../src/db/rows/lanes.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { setPolicy } from '../../test/support/flows.ts';
import { percentile, seededRandom, until } from '../measure.ts';
import type { Findings } from '../report.ts';
import { AUTO_CLOSE_AFTER_MS } from '../seed.ts';
import { type Stage, settled } from '../stage.ts';

/** The share of the big account's conversations that falls due at once, but no more than this of those open. */
const SHARE = 0.3;
const OF_THE_OPEN = 0.75;
/** How often one of the small account's conversations gets a time to fall due, and how soon that is at least and at most. */
const EVERY_MS = 150;
const SOONEST_MS = 100;
const LATEST_MS = 900;
const LIMIT_MS = 600_000;

type Conversation = { id: string; laneId: string };
type Given = { id: string; due: Date };

/**
 * How late another account's conversations close, one by one and at random moments, while a great many of the big
 * account's are due at once: a threshold is lowered to where they are.
 */
export async function burst(stage: Stage, onProgress: Progress): Promise<Findings> {
  const { big, engine } = stage;
  const { count, cutoff } = await longestQuiet(stage);
  const waiting = await oneOfEachLane(stage);
  const random = seededRandom(3);
  const open = await countDue(stage, cutoff);
  const seconds = Math.ceil((engine.clock.now().getTime() - cutoff.getTime()) / 1000);
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const fields = { autoCloseAfter: `PT${seconds}S` };
  await setPolicy(engine.deps, big.accountId, { ...place, fields }, { changedBy: 'bench', why: null });

  const begun = engine.clock.now();
  const given: Given[] = [];
  const giving = new AbortController();
  const others = (async () => {
    while (!giving.signal.aborted) {
      const conversation = waiting.pop();
      if (conversation)
        given.push(await fallsDue(stage, conversation, SOONEST_MS + random() * (LATEST_MS - SOONEST_MS)));
      await sleep(EVERY_MS);
    }
  })();
  await until('everything due closed', LIMIT_MS, 100, async () => {
    const left = await countDue(stage, cutoff);
    onProgress(open - left, open);
    return left === 0;
  });
  const over = engine.clock.now();
  giving.abort();
  await others;
  await sleep(LATEST_MS);
  const meanwhile = given.filter(({ due }) => due < over);
  await until('the others closed', 30_000, 20, async () => (await stillOpen(stage, meanwhile)) === 0).catch(
    () => {},
  );
  await settled(stage, big);
  const lateMs = await latenessOf(stage, meanwhile);
  const lost = meanwhile.length - lateMs.length;
  const early = lateMs.filter((ms) => ms < 0).length;
  return {
    figures: [
      { name: 'due at once', value: count, unit: '' },
      { name: 'until they were closed', value: (over.getTime() - begun.getTime()) / 1000, unit: 's' },
      { name: 'due in the other account meanwhile', value: meanwhile.length, unit: '' },
      { name: "the other's lateness, p50", value: percentile(lateMs, 0.5), unit: 'ms' },
      { name: "the other's lateness, p99", value: percentile(lateMs, 0.99), unit: 'ms' },
      { name: "the other's lateness, most", value: Math.max(0, ...lateMs), unit: 'ms', atMost: 2000 },
    ],
    failures: [
      ...(meanwhile.length === 0 ? ['it was over before anybody else fell due'] : []),
      ...(lost > 0 ? [`${lost} of the other account not closed`] : []),
      ...(early > 0 ? [`${early} closed early`] : []),
    ],
  };
}

/** The clock of the last of those that are to be due. */
async function longestQuiet({ admin, big }: Stage): Promise<{ count: number; cutoff: Date }> {
  const [{ open } = { open: 0 }] = await admin<{ open: number }[]>`
    select count(*)::int as open from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
  const count = Math.round(Math.min(big.conversations * SHARE, open * OF_THE_OPEN));
  const [row] = await admin<{ clock: Date }[]>`
    select last_activity_at as clock from conversation where account_id = ${big.accountId} and status <> 'ENDED'
    order by last_activity_at offset ${count - 1} limit 1`;
  if (row === undefined) throw new Error('nobody is open');
  return { count, cutoff: row.clock };
}

/** How many are due and open: by the lanes' index, from their floors on, so as to take little from the closing. */
async function countDue({ admin, big }: Stage, cutoff: Date): Promise<number> {
  const [row] = await admin`
    select sum(due.count)::int as due from lane, lateral (
      select count(*) from conversation where conversation.account_id = lane.account_id and lane_id = lane.id
        and last_activity_at >= lane.floor and last_activity_at <= ${cutoff}
    ) as due where lane.account_id = ${big.accountId}`;
  return row?.due;
}

async function oneOfEachLane({ admin, small }: Stage): Promise<Conversation[]> {
  const rows = await admin<Conversation[]>`
    select distinct on (lane_id) id, lane_id as "laneId" from conversation
    where account_id = ${small.accountId} and status <> 'ENDED' order by lane_id, last_activity_at desc`;
  return [...rows];
}

/** Gives a conversation a clock that falls due so soon, and its lane the alarm for it. */
async function fallsDue(
  { admin, engine, small }: Stage,
  { id, laneId }: Conversation,
  inMs: number,
): Promise<Given> {
  const due = new Date(engine.clock.now().getTime() + Math.round(inMs));
  const floor = new Date(due.getTime() - AUTO_CLOSE_AFTER_MS);
  const alarms = await admin.begin(async (sql) => {
    await sql`
      update conversation set last_activity_at = ${floor}, placed_at = ${floor}
      where account_id = ${small.accountId} and id = ${id}`;
    return await lowerLanes(sql, small.accountId, [{ laneId, wakeAt: due, floor }]);
  });
  await engine.deps.afterCommit(Promise.resolve({ result: null, caused: { alarms } }));
  return { id, due };
}

async function stillOpen({ admin, small }: Stage, given: readonly Given[]): Promise<number> {
  const [row] = await admin`
    select count(*)::int as open from conversation
    where account_id = ${small.accountId} and id = any(${given.map(({ id }) => id)}) and status <> 'ENDED'`;
  return row?.open;
}

async function latenessOf({ admin, small }: Stage, given: readonly Given[]): Promise<number[]> {
  const rows = await admin<{ id: string; ended_at: Date }[]>`
    select id, ended_at from conversation
    where account_id = ${small.accountId} and id = any(${given.map(({ id }) => id)}) and status = 'ENDED'`;
  const dueOf = new Map(given.map(({ id, due }) => [id, due.getTime()]));
  return rows.map(({ id, ended_at }) => ended_at.getTime() - (dueOf.get(id) ?? Number.NaN));
}
