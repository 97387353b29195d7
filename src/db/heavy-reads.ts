import type { PendingQuery, Row, Sql } from 'postgres';
import { UnavailableError } from '../domain/errors.ts';
import type { Database, OpenDatabase } from './client.ts';
import { openShares } from './shares.ts';
import { openWaitingList, type WaitingList } from './waiting-list.ts';

/** A place for one heavy request: a connection to itself, until it leaves. */
export type HeavyPlace = { db: Database; leave(): void };

/** The few places for requests that read much, so that wakes and short calls always find a connection. */
export type HeavyReads = {
  /**
   * Waits for a place; accounts take turns. Aborting `left`, once the caller has gone, ends the wait.
   * @throws UnavailableError with `retryAfterSeconds` if no place is free in time, or too many requests wait already
   */
  take(accountId: string, left?: AbortSignal): Promise<HeavyPlace>;
  /** The connection for events of subscriptions, which read much. */
  events: Database;
  /** How many requests have a place, and how many wait for one. */
  load(): { within: number; waiting: number };
  close(): Promise<void>;
};

type HeavyLimits = {
  /** Places for all accounts. */
  places: number;
  /** Places for one account; half of `places` by default. */
  placesOfOne?: number;
  /** How long a request waits for a place at most. */
  waitMs?: number;
  /** How long a request that has a place may start statements. */
  readWithinMs?: number;
};

const SESSION = {
  /** A statement that sets no limit of its own. */
  statement_timeout: 8_000,
  /** One process of the server for each place. */
  max_parallel_workers_per_gather: 0,
};
const WAIT_MS = 10_000;
const READ_WITHIN_MS = 20_000;
/** How many requests may wait for each place. */
const WAITING_FOR_EACH = 8;
const RETRY_AFTER_S = 5;

/** Opens the places. Each is a pool of one connection that `open` makes. */
export async function openHeavyReads(
  open: (options: OpenDatabase) => Promise<Database>,
  {
    places,
    placesOfOne = Math.ceil(places / 2),
    waitMs = WAIT_MS,
    readWithinMs = READ_WITHIN_MS,
  }: HeavyLimits,
): Promise<HeavyReads> {
  const one = () => open({ connections: 1, session: SESSION });
  const [events, ...all] = await Promise.all([one(), ...Array.from({ length: places }, one)]);
  const free = [...all];
  const shares = openShares(placesOfOne);
  const waiting = openWaitingList<HeavyPlace>(waitMs, noPlace);

  function enter(accountId: string): HeavyPlace {
    const db = free.pop() as Database;
    shares.take(accountId);
    const deadline = openDeadline(db.sql, readWithinMs);
    let hasLeft = false;
    return {
      db: { ...db, sql: deadline.sql },
      leave() {
        if (hasLeft) return;
        hasLeft = true;
        deadline.clear();
        shares.giveBack(accountId);
        free.push(db);
        const next = waiting.next(shares.mayTake);
        next?.take(enter(next.accountId));
      },
    };
  }

  return {
    async take(accountId, left) {
      if (free.length > 0 && shares.mayTake(accountId)) return enter(accountId);
      const isFull =
        waiting.size(accountId) >= placesOfOne * WAITING_FOR_EACH ||
        waiting.size() >= 4 * places * WAITING_FOR_EACH;
      if (isFull || left?.aborted) throw noPlace();
      return await waitForPlace(waiting, accountId, left);
    },
    events,
    load: () => ({ within: places - free.length, waiting: waiting.size() }),
    async close() {
      await Promise.all([...all, events].map((db) => db.close()));
    },
  };
}

async function waitForPlace(
  waiting: WaitingList<HeavyPlace>,
  accountId: string,
  left: AbortSignal | undefined,
): Promise<HeavyPlace> {
  const key = {};
  const giveUp = () => waiting.refuse(key, noPlace());
  left?.addEventListener('abort', giveUp);
  try {
    return await new Promise((take, refuse) => waiting.add(key, { accountId, take, refuse }));
  } finally {
    left?.removeEventListener('abort', giveUp);
  }
}

function noPlace(): UnavailableError {
  return new UnavailableError(
    `too many requests that read much are under way; nothing was done: try again in ${RETRY_AFTER_S} s, or ask for less`,
    { retryAfterSeconds: RETRY_AFTER_S },
  );
}

/** Statements that fail to start once `withinMs` have passed, so that a request of many long ones gives its place back. */
function openDeadline(sql: Sql, withinMs: number): { sql: Sql; clear(): void } {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
  }, withinMs);
  const check = () => {
    if (!isOver) return;
    throw new UnavailableError(`there is too much to read within ${withinMs / 1000} s; ask for less`);
  };
  const limited = new Proxy(sql, {
    apply(target, _, given: Parameters<Sql>) {
      // A call without a template makes a fragment, and sends nothing.
      if (Object.hasOwn(given[0] as object, 'raw')) check();
      return (target as unknown as (...all: unknown[]) => PendingQuery<Row[]>)(...given);
    },
    get(target, name) {
      if (name === 'unsafe' || name === 'begin') check();
      return Reflect.get(target, name);
    },
  });
  return { sql: limited, clear: () => clearTimeout(timer) };
}
