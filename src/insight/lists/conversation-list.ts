import type { Sql } from 'postgres';
import type { StoredConversation } from '../../db/rows/conversations.ts';
import type { Lane } from '../../db/rows/lanes.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import type { ConversationFilter, ConversationsRead } from './conversation-filter.ts';
import { type Place, readLanes, readOpenOfAgent, readRanges } from './lane-pages.ts';
import {
  activityStream,
  compareKeys,
  comparePlaces,
  coversLane,
  dueStreams,
  type Key,
  keyOf,
  placeOf,
  type Stream,
  wholeOf,
} from './list-streams.ts';

export type Direction = 'ASC' | 'DESC';

/** A position in a list: by due, or, after all that are due, by last activity. */
export type Position = Key & { isDue: boolean };
/** A listed conversation. `rulesVersion` is the account's, of the snapshot it was read in. */
export type Listed = { conversation: StoredConversation; position: Position; rulesVersion: number };

/** A request for part of a list of open conversations. */
export type ListRequest = {
  by: 'DUE' | 'LAST_ACTIVITY';
  direction: Direction;
  filter: ConversationFilter;
  /** Only conversations due before this instant; null unless the list is by due. */
  dueBefore: Date | null;
  /** Begins after this position. */
  after: Position | null;
  /** Reads from `after`, or from the end of the list, towards its beginning. */
  backwards: boolean;
  limit: number;
};

/** Part of a list: keys strictly between `above` and `below`, of conversations that are due or of those never due. */
export type Stretch = {
  isDue: boolean;
  direction: Direction;
  above: Key | null;
  below: Key | null;
};

/**
 * Returns part of a list of open conversations, merged over the lanes that match the filter. The number of statements
 * does not depend on the page's length. Conversations that are never due come last in both directions, by last
 * activity. Held conversations without a lane are not listed.
 */
export async function listOpen(
  sql: Sql,
  rules: AccountRules,
  now: Date,
  request: ListRequest,
): Promise<Listed[]> {
  const { filter, by, limit } = request;
  const { agentId } = filter;
  const read =
    agentId === undefined ? null : await readOpenOfAgent(sql, rules.accountId, { ...filter, agentId });
  const lanes = await readLanes(sql, rules.accountId, filter);
  const streams = new Map(
    lanes.map((lane) => [lane.id, by === 'DUE' ? dueStreams(rules, lane) : [activityStream(lane)]]),
  );
  const listed: Listed[] = [];
  for (const stretch of stretchesOf(request)) {
    if (listed.length >= limit) break;
    const missing = limit - listed.length;
    const found = read
      ? sortOwn(read, streams, stretch)
      : await merge(sql, rules.accountId, stretch, {
          ...{ lanes, streams, now, limit: missing, tag: filter.tag, firstCount: 1 },
        });
    listed.push(...found.slice(0, missing).map((each) => listedAt(each, stretch)));
  }
  return listed;
}

/** The stretches of a list from the requested position, in reading order. */
function stretchesOf({ by, direction, dueBefore, after, backwards }: ListRequest): Stretch[] {
  const reading: Direction = (direction === 'ASC') === backwards ? 'DESC' : 'ASC';
  const stretchOf = (isDue: boolean): Stretch => {
    const start = after?.isDue === isDue ? after : null;
    const [above, below] = reading === 'ASC' ? [start, null] : [null, start];
    return { isDue, direction: reading, above, below };
  };
  const due = stretchOf(true);
  if (dueBefore) due.below = leastKey(due.below, firstKeyAt(dueBefore));
  if (by === 'LAST_ACTIVITY' || dueBefore) return [due];
  const both = backwards ? [stretchOf(false), due] : [due, stretchOf(false)];
  // A position in the second stretch has read all of the first.
  return after !== null && after.isDue !== both[0]?.isDue ? both.slice(1) : both;
}

/** The key that precedes all keys of an instant. */
export function firstKeyAt(instant: Date): Key {
  return { atMs: instant.getTime(), clockMs: Number.NEGATIVE_INFINITY, id: '' };
}

function leastKey(a: Key | null, b: Key): Key {
  return a !== null && compareKeys(a, b) <= 0 ? a : b;
}

type Found = { conversation: StoredConversation; key: Key; rulesVersion: number };

export function listedAt({ key, ...found }: Found, { isDue }: Stretch): Listed {
  return { ...found, position: { ...key, isDue } };
}

/** Sorts the conversations of one agent in memory: they are few. */
function sortOwn(
  { conversations, rulesVersion }: ConversationsRead,
  streams: ReadonlyMap<string, readonly Stream[]>,
  stretch: Stretch,
): Found[] {
  const found = conversations.flatMap((conversation): Found[] => {
    const lane = streams.get(conversation.laneId ?? '');
    if (lane === undefined) return [];
    const key = keyOf(conversation, lane);
    if ((key !== null) !== stretch.isDue) return [];
    const position = key ?? activityKey(conversation);
    return isWithin(position, stretch) ? [{ conversation, key: position, rulesVersion }] : [];
  });
  return found.sort(inOrderOf(stretch));
}

function activityKey({ lastActivityAt, id }: StoredConversation): Key {
  return { atMs: lastActivityAt.getTime(), clockMs: lastActivityAt.getTime(), id };
}

function inOrderOf({ direction }: Stretch): (a: Found, b: Found) => number {
  return direction === 'ASC' ? (a, b) => compareKeys(a.key, b.key) : (a, b) => compareKeys(b.key, a.key);
}

function isWithin(key: Key, { above, below }: Stretch): boolean {
  return (above === null || compareKeys(key, above) > 0) && (below === null || compareKeys(key, below) < 0);
}

/** The unread part of a stream. */
type Unread = { stream: Stream; from: Place; to: Place };

/** The lanes to merge, with the streams of each; `firstCount` is read from each stream at first. */
type MergeOptions = {
  lanes: readonly Lane[];
  streams: ReadonlyMap<string, readonly Stream[]>;
  now: Date;
  limit: number;
  tag: string | undefined;
  firstCount: number;
};

/**
 * Returns the first `limit` conversations of a stretch. The heads of all streams are read first. The best of them rule
 * out most streams; the rest is read in growing pages until no stream can hold a better conversation.
 */
export async function merge(
  sql: Sql,
  accountId: string,
  stretch: Stretch,
  { lanes, streams, now, limit, tag, firstCount }: MergeOptions,
): Promise<Found[]> {
  const { direction } = stretch;
  const found = new Map<string, Found>();
  let best: Found[] = [];
  let unread = lanes
    .flatMap((lane) => streamsToRead(lane, streams.get(lane.id) ?? [], stretch, now))
    .map((stream) => clip({ stream, ...wholeOf(stream) }, stretch));
  for (let count = firstCount; ; count = count === 1 ? Math.max(limit, 2) : count * 4) {
    const last = best[limit - 1]?.key ?? null;
    const better = direction === 'ASC' ? { above: null, below: last } : { above: last, below: null };
    unread = unread.map((each) => clip(each, better)).filter(({ from, to }) => comparePlaces(from, to) < 0);
    if (unread.length === 0) return best;
    const ranges = unread.map(({ stream: { laneId, clock, outside }, from, to }) => ({
      ...{ laneId, clock, outside, from, to },
    }));
    const { found: read, rulesVersion } = await readRanges(sql, accountId, {
      ...{ ranges, direction, limit: count, tag },
    });
    for (const conversation of read.flat()) {
      const lane = streams.get(conversation.laneId ?? '') ?? [];
      const key = stretch.isDue ? keyOf(conversation, lane) : activityKey(conversation);
      if (key !== null && isWithin(key, stretch))
        found.set(conversation.id, { conversation, key, rulesVersion });
    }
    best = [...found.values()].sort(inOrderOf(stretch)).slice(0, limit);
    unread = unread.flatMap((each, index) => {
      const rows = read[index] ?? [];
      const end = rows.at(-1);
      const clock = end?.[each.stream.clock];
      if (rows.length < count || !end || !clock) return [];
      return [{ ...each, [direction === 'ASC' ? 'from' : 'to']: { clock, id: end.id } }];
    });
  }
}

/** The streams of a lane that must be read for a stretch. */
function streamsToRead(
  lane: Lane,
  streams: readonly Stream[],
  stretch: Stretch,
  now: Date,
): readonly Stream[] {
  if (!stretch.isDue)
    return streams.some((stream) => coversLane(stream, now)) ? [] : [activityStream(lane, streams)];
  return stretch.direction === 'DESC' && stretch.below === null ? eachOnce(streams, now) : streams;
}

/**
 * A conversation is due no later than any of its timers. Descending from the latest due, the clock with the shortest
 * timer suffices, and other clocks matter only for conversations outside of it. Otherwise a lane whose conversations
 * are due in an hour would be read to its end for a timer of ninety days.
 */
function eachOnce(streams: readonly Stream[], now: Date): Stream[] {
  const shortest = (own: readonly Stream[]) => Math.min(...own.map(({ afterMs }) => afterMs));
  const byClock = [...Map.groupBy(streams, ({ clock }) => clock).values()];
  const chosen: Stream[] = [];
  for (const own of byClock.sort((a, b) => shortest(a) - shortest(b))) {
    const outside = [...chosen];
    chosen.push(...own.map((stream) => ({ ...stream, outside })));
    if (own.some((stream) => coversLane(stream, now))) break;
  }
  return chosen;
}

/** Narrows the unread part of a stream to the keys above one key and below another. */
function clip({ stream, from, to }: Unread, { above, below }: Pick<Stretch, 'above' | 'below'>): Unread {
  const lower = above && placeOf(stream, above);
  const upper = below && placeOf(stream, below);
  return {
    stream,
    from: lower && comparePlaces(lower, from) > 0 ? lower : from,
    to: upper && comparePlaces(upper, to) < 0 ? upper : to,
  };
}
