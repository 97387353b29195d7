import type { PendingQuery, Row, Sql } from 'postgres';
import { UnavailableError } from '../domain/errors.ts';
import { openFairQueue } from '../domain/fair-queue.ts';
import type { Database, OpenDatabase } from './client.ts';

/** A place for a request that reads much: a connection that nobody else has meanwhile. */
export type HeavyPlace = { db: Database; leave(): void };

/** The few places for requests that read much, so that the engine and short calls always have connections of theirs. */
export type HeavyReads = {
  /**
   * Waits for a place; accounts take turns. `left` is aborted where its caller has gone.
   * @throws UnavailableError with `retryAfterSeconds` where none comes free in time, or too many wait already
   */
  take(accountId: string, left?: AbortSignal): Promise<HeavyPlace>;
  /** What subscriptions read by whose events read much. */
  events: Database;
  /** Requests that have a place, and those that wait for one. */
  load(): { within: number; waiting: number };
  close(): Promise<void>;
};

type HeavyLimits = {
  /** For all accounts. */
  places: number;
  /** For one account; half of all where it is not said. */
  placesOfOne?: number;
  /** How long a request waits for a place at most. */
  waitMs?: number;
  /** How long a request that has a place may begin to read. */
  readWithinMs?: number;
};

/** Each statement of such a request, where it says nothing else, and no more processes of the server than one. */
const SESSION = { statement_timeout: 8_000, max_parallel_workers_per_gather: 0 };
const WAIT_MS = 10_000;
const READ_WITHIN_MS = 20_000;
/** Requests that wait for each place of theirs. */
const WAITING_FOR_EACH = 8;
const RETRY_AFTER_S = 5;

type Waiting = (place: Database) => void;

/** Opens the places, each a pool of a single connection that `open` makes. */
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
  const within = new Map<string, number>();
  const queue = openFairQueue<Waiting>();
  const mayEnter = (accountId: string) => (within.get(accountId) ?? 0) < placesOfOne;

  function enter(accountId: string, db: Database): HeavyPlace {
    within.set(accountId, (within.get(accountId) ?? 0) + 1);
    const deadline = openDeadline(db.sql, readWithinMs);
    let left = false;
    return {
      db: { ...db, sql: deadline.sql },
      leave() {
        if (left) return;
        left = true;
        deadline.clear();
        const own = (within.get(accountId) ?? 1) - 1;
        if (own > 0) within.set(accountId, own);
        else within.delete(accountId);
        free.push(db);
        queue.next(mayEnter)?.(free.pop() as Database);
      },
    };
  }

  function waitForPlace(accountId: string, leftBy: AbortSignal | undefined): Promise<HeavyPlace> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        queue.remove(accountId, letIn);
        clearTimeout(patience);
        leftBy?.removeEventListener('abort', giveUp);
      };
      const letIn: Waiting = (db) => {
        stop();
        resolve(enter(accountId, db));
      };
      const giveUp = () => {
        stop();
        reject(noPlace());
      };
      const patience = setTimeout(giveUp, waitMs);
      leftBy?.addEventListener('abort', giveUp);
      queue.add(accountId, letIn);
    });
  }

  return {
    async take(accountId, left) {
      if (free.length > 0 && mayEnter(accountId)) return enter(accountId, free.pop() as Database);
      const isFull =
        queue.size(accountId) >= placesOfOne * WAITING_FOR_EACH ||
        queue.size() >= 4 * places * WAITING_FOR_EACH;
      if (isFull || left?.aborted) throw noPlace();
      return await waitForPlace(accountId, left);
    },
    events,
    load: () => ({ within: places - free.length, waiting: queue.size() }),
    async close() {
      await Promise.all([...all, events].map((db) => db.close()));
    },
  };
}

function noPlace(): UnavailableError {
  return new UnavailableError(
    `too many requests that read much are under way; nothing was done: try again in ${RETRY_AFTER_S} s, or ask for less`,
    { retryAfterSeconds: RETRY_AFTER_S },
  );
}

/** A client that begins no statement any more after so long: a request of many long statements must not keep its place. */
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
      // Without a template it makes a part of a statement.
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
