import type { Lane } from '../../db/rows/lanes.ts';
import type { ClockName, Conversation } from '../../domain/conversation/conversation.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import { add, subtract } from '../../domain/time/calendar.ts';
import { type Timer, timersFor } from '../../domain/time/timers.ts';
import { NIL } from '../../domain/uuid.ts';
import type { Place, Span } from './lane-pages.ts';

/** Where a conversation stands in an ordered list: by an instant, then by the clock it comes from, then by id. */
export type Key = { atMs: number; clockMs: number; id: string };

/** A part of a lane whose order by one clock is the order of the list, too. */
export type Stream = {
  laneId: string;
  clock: ClockName;
  /** The clocks it is of, both included. */
  from: Date;
  to: Date;
  /** What a clock comes to in the list's order; it never falls as the clock rises. */
  atOf: (clock: Date) => number | null;
  /** The latest clock that comes to this or less. */
  latestBy: (atMs: number) => Date;
  /** The shortest time that any of its timers waits. */
  afterMs: number;
  outside: readonly Span[];
};

const BEGINNING = new Date('0001-01-01T00:00Z');
const FAR = new Date('9999-12-31T00:00Z');
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** -1, 0 or 1 as `a` comes before, with or after `b` in ascending order. */
export function compareKeys(a: Key, b: Key): number {
  return Math.sign(a.atMs - b.atMs || a.clockMs - b.clockMs) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** A lane by its last activity. */
export function activityStream({ id }: Lane, outside: readonly Span[] = []): Stream {
  return {
    ...{ laneId: id, clock: 'lastActivityAt', from: BEGINNING, to: FAR, afterMs: 0, outside },
    atOf: (clock) => clock.getTime(),
    latestBy: (atMs) => new Date(atMs),
  };
}

const memo = new WeakMap<AccountRules, Map<string, readonly Stream[]>>();

/** The same streams every time for one version of the rules: a lane's facts never change. */
export function dueStreams(rules: AccountRules, lane: Lane): readonly Stream[] {
  const known = memo.get(rules) ?? new Map<string, readonly Stream[]>();
  memo.set(rules, known);
  const streams = known.get(lane.id) ?? makeDueStreams(rules, lane);
  known.set(lane.id, streams);
  return streams;
}

/**
 * A lane by due: a stream for each clock that its timers run on, cut where a timer begins to count (SP-6), for
 * only between these does a later clock never mean an earlier due.
 */
function makeDueStreams(rules: AccountRules, lane: Lane): Stream[] {
  const byClock = Map.groupBy(timersFor(rules, lane.facts), ({ clock }) => clock);
  return [...byClock].flatMap(([clock, timers]) => {
    const cuts = timers.map(({ notBefore }) => notBefore ?? BEGINNING);
    const starts = [...new Set(cuts.map(Number))].sort((a, b) => a - b);
    return starts.map((startMs, index) => {
      const from = new Date(startMs);
      const next = starts[index + 1];
      const to = next === undefined ? FAR : new Date(next - 1);
      const own = timers.filter(({ notBefore }) => notBefore === null || notBefore <= from);
      return streamOf(lane.id, clock, from, to, own);
    });
  });
}

function streamOf(laneId: string, clock: ClockName, from: Date, to: Date, timers: Timer[]): Stream {
  const latestBy = (atMs: number) =>
    timers
      .map(({ calendar, afterMs }) => subtract(calendar, new Date(atMs), afterMs))
      .reduce((latest, each) => (each > latest ? each : latest));
  const neverAfter = latestBy(FAR.getTime());
  return {
    ...{ laneId, clock, from, to: neverAfter < to ? neverAfter : to, latestBy, outside: [] },
    afterMs: Math.min(...timers.map(({ afterMs }) => afterMs)),
    atOf(at) {
      const dues = timers.flatMap(({ calendar, afterMs }) => add(calendar, at, afterMs)?.getTime() ?? []);
      return dues.length === 0 ? null : Math.min(...dues);
    },
  };
}

/** Whether every conversation of the lane is in this stream, whatever its clocks up to now. */
export function coversLane({ clock, from, to }: Stream, now: Date): boolean {
  // Whoever awaits the customer knows since when; a hold may have no end.
  return clock !== 'heldUntil' && from <= BEGINNING && to > new Date(now.getTime() + 60_000);
}

/** Where a conversation stands by the streams of its lane; null: in none of them. */
export function keyOf(conversation: Conversation, streams: readonly Stream[]): Key | null {
  let least: Key | null = null;
  for (const { clock: name, from, to, atOf } of streams) {
    const clock = conversation[name];
    if (clock === null || clock < from || clock > to) continue;
    const atMs = atOf(clock);
    if (atMs === null) continue;
    const key = { atMs, clockMs: clock.getTime(), id: conversation.id };
    if (least === null || compareKeys(key, least) < 0) least = key;
  }
  return least;
}

/** The whole of a stream. */
export function wholeOf({ from, to }: Stream): { from: Place; to: Place } {
  return { from: { clock: from, id: NIL }, to: { clock: to, id: LAST_ID } };
}

/** The place in a stream up to which everything comes before a key or is at it. */
export function placeOf({ latestBy }: Stream, { atMs, clockMs, id }: Key): Place {
  const below = latestBy(atMs - 1);
  if (clockMs <= below.getTime()) return { clock: below, id: LAST_ID };
  const upTo = latestBy(atMs);
  return clockMs <= upTo.getTime() ? { clock: new Date(clockMs), id } : { clock: upTo, id: LAST_ID };
}

/** -1, 0 or 1 as one place comes before, with or after another. */
export function comparePlaces(a: Place, b: Place): number {
  return Math.sign(a.clock.getTime() - b.clock.getTime()) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
