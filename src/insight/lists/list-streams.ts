import type { Lane } from '../../db/rows/lanes.ts';
import type { ClockName, Conversation } from '../../domain/conversation/conversation.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import { add, subtract } from '../../domain/time/calendar.ts';
import { type Timer, timersFor } from '../../domain/time/timers.ts';
import { NIL } from '../../domain/uuid.ts';
import type { Place, Span } from './lane-pages.ts';

/** The sort key of a conversation: an instant, then the clock it is computed from, then the id. */
export type Key = { atMs: number; clockMs: number; id: string };

/** Part of a lane whose order by one clock is also the order of the list. */
export type Stream = {
  laneId: string;
  clock: ClockName;
  /** The range of its clocks, inclusive. */
  from: Date;
  to: Date;
  /** The list's instant for a clock; it never falls as the clock rises. */
  atOf: (clock: Date) => number | null;
  /** The latest clock whose instant is at most this. */
  latestBy: (atMs: number) => Date;
  /** The shortest threshold of its timers. */
  afterMs: number;
  outside: readonly Span[];
};

const BEGINNING = new Date('0001-01-01T00:00Z');
const FAR = new Date('9999-12-31T00:00Z');
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Compares keys in ascending order: -1, 0 or 1. */
export function compareKeys(a: Key, b: Key): number {
  return Math.sign(a.atMs - b.atMs || a.clockMs - b.clockMs) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** A lane ordered by last activity. */
export function activityStream({ id }: Lane, outside: readonly Span[] = []): Stream {
  return {
    ...{ laneId: id, clock: 'lastActivityAt', from: BEGINNING, to: FAR, afterMs: 0, outside },
    atOf: (clock) => clock.getTime(),
    latestBy: (atMs) => new Date(atMs),
  };
}

const memo = new WeakMap<AccountRules, Map<string, readonly Stream[]>>();

/** Returns a lane's streams by due; cached by rules, because a lane's facts never change. */
export function dueStreams(rules: AccountRules, lane: Lane): readonly Stream[] {
  const known = memo.get(rules) ?? new Map<string, readonly Stream[]>();
  memo.set(rules, known);
  const streams = known.get(lane.id) ?? makeDueStreams(rules, lane);
  known.set(lane.id, streams);
  return streams;
}

/**
 * A stream for each clock of the lane's timers, cut where a timer begins to count (SP-6). Only between these cuts is a
 * later clock never due earlier.
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
      return streamOf({ laneId: lane.id, clock, from, to }, own);
    });
  });
}

function streamOf(part: Pick<Stream, 'laneId' | 'clock' | 'from' | 'to'>, timers: Timer[]): Stream {
  const latestBy = (atMs: number) =>
    timers
      .map(({ calendar, afterMs }) => subtract(calendar, new Date(atMs), afterMs))
      .reduce((latest, each) => (each > latest ? each : latest));
  const neverAfter = latestBy(FAR.getTime());
  return {
    ...part,
    ...{ to: neverAfter < part.to ? neverAfter : part.to, latestBy, outside: [] },
    afterMs: Math.min(...timers.map(({ afterMs }) => afterMs)),
    atOf(at) {
      const dues = timers.flatMap(({ calendar, afterMs }) => add(calendar, at, afterMs)?.getTime() ?? []);
      return dues.length === 0 ? null : Math.min(...dues);
    },
  };
}

/** Whether the stream contains every conversation of its lane. */
export function coversLane({ clock, from, to }: Stream, now: Date): boolean {
  // A hold may have no end, so `heldUntil` can be null.
  return clock !== 'heldUntil' && from <= BEGINNING && to > new Date(now.getTime() + 60_000);
}

/** Returns the key of a conversation by the streams of its lane; null if it is in none. */
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

export function wholeOf({ from, to }: Stream): { from: Place; to: Place } {
  return { from: { clock: from, id: NIL }, to: { clock: to, id: LAST_ID } };
}

/** The last place in a stream whose key is at most `key`. */
export function placeOf({ latestBy }: Stream, { atMs, clockMs, id }: Key): Place {
  const below = latestBy(atMs - 1);
  if (clockMs <= below.getTime()) return { clock: below, id: LAST_ID };
  const upTo = latestBy(atMs);
  return clockMs <= upTo.getTime() ? { clock: new Date(clockMs), id } : { clock: upTo, id: LAST_ID };
}

/** Compares places in ascending order: -1, 0 or 1. */
export function comparePlaces(a: Place, b: Place): number {
  return Math.sign(a.clock.getTime() - b.clock.getTime()) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
