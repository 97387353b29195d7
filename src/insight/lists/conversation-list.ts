import type { Sql } from 'postgres';
import type { StoredConversation } from '../../db/rows/conversations.ts';
import type { Lane } from '../../db/rows/lanes.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import {
  type ConversationFilter,
  type Place,
  type Range,
  type ReadTogether,
  readLanes,
  readOpenOfAgent,
  readRanges,
} from './lane-pages.ts';
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

/** Where one of a list stands: with its due, or, behind all of those, by its last activity because it is never due. */
export type Position = Key & { isDue: boolean };
/** `rulesVersion`: what the account's rules were at when it was read. */
export type Listed = { conversation: StoredConversation; position: Position; rulesVersion: number };

/** What is asked of a list of open conversations. */
export type ListRequest = {
  by: 'DUE' | 'LAST_ACTIVITY';
  direction: Direction;
  filter: ConversationFilter;
  /** Only those due before this; only where the list is by due. */
  dueBefore: Date | null;
  /** Those that come after this position, in the direction of the list. */
  after: Position | null;
  /** From `after`, or the end of the list, towards its beginning. */
  backwards: boolean;
  limit: number;
};

/** One stretch of a list: all of it that is due, or that never is. */
export type Stretch = {
  isDue: boolean;
  direction: Direction;
  after: Key | null;
  before: Key | null;
};

/**
 * Part of a list of open conversations, merged over the lanes that the filter lets pass. It takes the lanes, the
 * head of each, and the rows of the best: as many statements for a page of any length, of any number of rows.
 * Whoever is never due comes last in either direction, by last activity. Those set aside are in no lane, and not here.
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
      : await merge(sql, rules.accountId, lanes, streams, stretch, {
          ...{ now, limit: missing, tag: filter.tag, firstCount: 1 },
        });
    listed.push(...found.slice(0, missing).map((each) => listedAt(each, stretch)));
  }
  return listed;
}

/** The stretches of a list from where it is to be read, in the order of reading. */
function stretchesOf({ by, direction, dueBefore, after, backwards }: ListRequest): Stretch[] {
  const reading: Direction = (direction === 'ASC') === backwards ? 'DESC' : 'ASC';
  const bound = dueBefore && { atMs: dueBefore.getTime(), clockMs: Number.NEGATIVE_INFINITY, id: '' };
  const due: Stretch = {
    ...{ isDue: true, direction: reading },
    after: after?.isDue ? after : null,
    before: null,
  };
  if (bound && reading === 'ASC') due.before = bound;
  else if (bound && (due.after === null || compareKeys(bound, due.after) < 0)) due.after = bound;
  if (by === 'LAST_ACTIVITY' || dueBefore) return [due];
  const never: Stretch = {
    isDue: false,
    direction: reading,
    after: after?.isDue === false ? after : null,
    before: null,
  };
  const both = backwards ? [never, due] : [due, never];
  // A position in the second of the two has the first behind it.
  return after !== null && after.isDue !== both[0]?.isDue ? both.slice(1) : both;
}

type Found = { conversation: StoredConversation; key: Key; rulesVersion: number };

/** One that was found, as one of the list. */
export function listedAt({ key, ...found }: Found, { isDue }: Stretch): Listed {
  return { ...found, position: { ...key, isDue } };
}

/** An agent's own are few: they are sorted here. */
function sortOwn(
  { conversations, rulesVersion }: ReadTogether,
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
  return found.sort((a, b) => signOf(stretch) * compareKeys(a.key, b.key));
}

function activityKey({ lastActivityAt, id }: StoredConversation): Key {
  return { atMs: lastActivityAt.getTime(), clockMs: lastActivityAt.getTime(), id };
}

function signOf({ direction }: Stretch): 1 | -1 {
  return direction === 'ASC' ? 1 : -1;
}

function isWithin(key: Key, stretch: Stretch): boolean {
  const sign = signOf(stretch);
  return (
    (stretch.after === null || sign * compareKeys(key, stretch.after) > 0) &&
    (stretch.before === null || sign * compareKeys(key, stretch.before) < 0)
  );
}

type Open = { stream: Stream; from: Place; to: Place };

/**
 * The first of a stretch. First the head of every stream, or `firstCount` of each; the best of them leave few
 * streams, and little of each, that could hold anything better. Where conversations are in several streams at once, and what was read
 * of one came to nothing, more is read of that one.
 */
export async function merge(
  sql: Sql,
  accountId: string,
  lanes: readonly Lane[],
  streams: ReadonlyMap<string, readonly Stream[]>,
  stretch: Stretch,
  { now, limit, tag, firstCount }: { now: Date; limit: number; tag: string | undefined; firstCount: number },
): Promise<Found[]> {
  const found = new Map<string, Found>();
  let best: Found[] = [];
  let open = lanes
    .flatMap((lane) => streamsToRead(lane, streams.get(lane.id) ?? [], stretch, now))
    .map((stream): Open => ({ stream, ...wholeOf(stream) }))
    .map((each) => clip(each, stretch.after, stretch, 'NEAR'))
    .map((each) => clip(each, stretch.before, stretch, 'FAR'));
  for (let count = firstCount; ; count = count === 1 ? Math.max(limit, 2) : count * 4) {
    const last = best[limit - 1]?.key ?? null;
    open = open
      .map((each) => clip(each, last, stretch, 'FAR'))
      .filter(({ from, to }) => comparePlaces(from, to) < 0);
    if (open.length === 0) return best;
    const ranges = open.map(
      ({ stream: { laneId, clock, outside }, from, to }): Range => ({ laneId, clock, outside, from, to }),
    );
    const { found: read, rulesVersion } = await readRanges(
      ...([sql, accountId, ranges, stretch.direction, count, tag] as const),
    );
    for (const conversation of read.flat()) {
      const lane = streams.get(conversation.laneId ?? '') ?? [];
      const key = stretch.isDue ? keyOf(conversation, lane) : activityKey(conversation);
      if (key !== null && isWithin(key, stretch))
        found.set(conversation.id, { conversation, key, rulesVersion });
    }
    best = [...found.values()].sort((a, b) => signOf(stretch) * compareKeys(a.key, b.key)).slice(0, limit);
    open = open.flatMap((each, index) => {
      const rows = read[index] ?? [];
      const end = rows.at(-1);
      const clock = end?.[each.stream.clock];
      if (rows.length < count || !end || !clock) return [];
      return [{ ...each, [stretch.direction === 'ASC' ? 'from' : 'to']: { clock, id: end.id } }];
    });
  }
}

/** The streams of a lane that have to be read for a stretch. */
function streamsToRead(
  lane: Lane,
  streams: readonly Stream[],
  stretch: Stretch,
  now: Date,
): readonly Stream[] {
  if (!stretch.isDue)
    return streams.some((stream) => coversLane(stream, now)) ? [] : [activityStream(lane, streams)];
  return stretch.direction === 'DESC' && stretch.after === null ? eachOnce(streams, now) : streams;
}

/**
 * From the latest due down, nobody is due later than any one of their timers says: it is enough to look for them
 * on the clock of the shortest, and on the others for those only who are not there. Otherwise a lane whose every
 * conversation is due in an hour would be read to its end for a protection that ends it in ninety days.
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

/** Leaves what is after a key (NEAR, where reading begins) or before it (FAR, where it ends). */
function clip(open: Open, key: Key | null, { direction }: Stretch, end: 'NEAR' | 'FAR'): Open {
  if (key === null) return open;
  const place = placeOf(open.stream, key);
  if ((direction === 'ASC') === (end === 'NEAR'))
    return comparePlaces(place, open.from) > 0 ? { ...open, from: place } : open;
  return comparePlaces(place, open.to) < 0 ? { ...open, to: place } : open;
}
