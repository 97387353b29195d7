import { AsyncLocalStorage } from 'node:async_hooks';
import { UnavailableError } from '../../domain/errors.ts';
import { openFairQueue } from '../../domain/fair-queue.ts';
import { type Connection, type Opening, openConnection } from './connection.ts';
import type { DriverQuery } from './driver.ts';
import { ConnectionLostError, DriverFaultError } from './errors.ts';

/** Connections that are never shared while a statement is under way: each is lent for one statement or one transaction. */
export type Pool = {
  /** Runs a statement on a connection of its own. Never throws: the statement is rejected. */
  run(query: DriverQuery): void;
  /** Gives a statement up: one that waits is never sent, and the connection of one that runs is broken off. */
  cancel(query: DriverQuery): void;
  /** Lends a connection for as long as `use` takes. @throws UnavailableError where none was free in time */
  lend<Result>(use: (connection: Connection) => Promise<Result>): Promise<Result>;
  counts(): PoolCounts;
  /** Takes no more statements, and waits for what runs, for a time at most. */
  close(withinMs: number): Promise<void>;
};

/** What a pool is busy with. */
export type PoolCounts = {
  open: number;
  idle: number;
  waiting: number;
};

type PoolOptions = Omit<Opening, 'onGone'> & {
  connections: number;
  /** Of these, for one account, where `onBehalfOf` says whose the work is. */
  connectionsOfOne: number;
  /** How long a statement or a transaction waits for a connection. */
  waitMs: number;
};

type Waiter = { party: string; take(connection: Connection): void; refuse(error: Error): void };
/** Somebody who was lent a connection. */
type Holder = { isDone: boolean };

/** Whose work is not bounded: that of nobody in particular, and what waits while it has a connection already. */
const NOBODY = '';
const parties = new AsyncLocalStorage<string>();

/** Does something on behalf of an account: all accounts take turns at connections, and each has its part of them at most. */
export function onBehalfOf<Result>(accountId: string, work: () => Result): Result {
  return parties.run(accountId, work);
}

/** After failed attempts to connect the next one waits, longer each time, but no longer than calls do. */
const pauseMs = (failures: number) => (failures === 0 ? 0 : Math.min(50 * 2 ** failures, 1_000));
/** Connections are replaced after half an hour to an hour, for what a session keeps only grows. */
const lifetimeMs = () => 1_800_000 * (1 + Math.random());

/** Opens a pool; it connects when there is something to do. */
export function openPool({ connections, connectionsOfOne, waitMs, ...opening }: PoolOptions): Pool {
  /** The one used last is used next, for its statements are prepared and its memory is warm. */
  const idle: Connection[] = [];
  const live = new Set<Connection>();
  const old = new WeakSet<Connection>();
  const waiters = new Map<object, Waiter>();
  const queue = openFairQueue<object>();
  /** How many connections each party has. */
  const held = new Map<string, number>();
  const holding = new AsyncLocalStorage<Holder>();
  /** Connections to come; those of them that are being made, and do not pause before; attempts that failed since one did not. */
  let [connecting, attempting, failures] = [0, 0, 0];
  let closing: { done: () => void } | null = null;

  const mayTake = (party: string) => party === NOBODY || (held.get(party) ?? 0) < connectionsOfOne;

  /** The party for whom something is asked. Who has a connection already must not wait for its own. */
  function partyNow(): string {
    return isNested() ? NOBODY : (parties.getStore() ?? NOBODY);
  }

  function hold(party: string): void {
    held.set(party, (held.get(party) ?? 0) + 1);
  }

  function letGo(party: string): void {
    const own = (held.get(party) ?? 1) - 1;
    if (own > 0) held.set(party, own);
    else held.delete(party);
  }

  function free(connection: Connection): void {
    if (closing !== null || old.has(connection)) connection.end();
    else idle.push(connection);
    serve();
  }

  /** Gives what is idle to those who wait: parties in turns, of each who has waited longest. */
  function serve(): void {
    while (idle.length > 0) {
      const key = queue.next(mayTake);
      const waiter = key === null ? undefined : waiters.get(key);
      if (key === null || waiter === undefined) return;
      waiters.delete(key);
      hold(waiter.party);
      waiter.take(idle.pop() as Connection);
    }
  }

  function takeIdle(party: string): Connection | undefined {
    if (!mayTake(party)) return undefined;
    const connection = idle.pop();
    if (connection !== undefined) hold(party);
    return connection;
  }

  /** Takes back what was lent, once nothing of the holder is under way on it. */
  function takeBack(connection: Connection, party: string): void {
    letGo(party);
    connection.onGone = null;
    const isGone = connection.gone() !== null;
    if (!isGone && !connection.isSuspect()) {
      free(connection);
      return;
    }
    serve();
    if (!isGone) void connection.prove().then((isClean) => isClean && free(connection));
  }

  function onGone(connection: Connection): void {
    live.delete(connection);
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
    if (closing !== null) settleClose();
    else connectMore();
  }

  function connectMore(): void {
    while (connecting < waiters.size && live.size + connecting < connections) void connect();
  }

  async function connect(): Promise<void> {
    connecting++;
    if (failures > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs(failures)));
    if (closing === null && waiters.size > 0) await attempt();
    connecting--;
    if (closing !== null) settleClose();
    else connectMore();
  }

  async function attempt(): Promise<void> {
    attempting++;
    try {
      const connection = await openConnection({ ...opening, onGone });
      failures = 0;
      live.add(connection);
      setTimeout(() => retire(connection), lifetimeMs()).unref();
      free(connection);
    } catch (error) {
      failures++;
      // While there is a connection, or may be one, those who wait may still get it.
      if (live.size === 0 && attempting === 1) refuseAll(error as Error);
    } finally {
      attempting--;
    }
  }

  function retire(connection: Connection): void {
    old.add(connection);
    if (idle.includes(connection)) connection.end();
  }

  function refuseAll(error: Error): void {
    for (const [key, { refuse }] of [...waiters]) {
      forget(key);
      refuse(error);
    }
  }

  function forget(key: object): void {
    const waiter = waiters.get(key);
    if (waiter === undefined) return;
    waiters.delete(key);
    queue.remove(waiter.party, key);
  }

  /** Waits for a connection in turn. `key` is what it is waited for. */
  function wait(key: object, { party, take, refuse }: Waiter): void {
    const tooLate = setTimeout(() => {
      forget(key);
      refuse(
        new UnavailableError(
          `no connection to the database was free within ${waitMs / 1000} s; nothing was changed`,
        ),
      );
    }, waitMs);
    queue.add(party, key);
    waiters.set(key, {
      party,
      take(connection) {
        clearTimeout(tooLate);
        take(connection);
      },
      refuse(error) {
        clearTimeout(tooLate);
        refuse(error);
      },
    });
    connectMore();
  }

  function isNested(): boolean {
    const holder = holding.getStore();
    return holder !== undefined && !holder.isDone;
  }

  /** Why nothing is lent although a connection may be; null where one may be waited for. */
  function whyNot(): Error | null {
    if (closing !== null) return new ConnectionLostError('CONNECTION_ENDED', 'the database was closed');
    // Holders that wait for a second connection may all wait for each other.
    if (!isNested() || idle.length > 0 || live.size + connecting < connections) return null;
    const fault = new DriverFaultError(
      'nested',
      'a statement outside of a transaction has to wait while that is under way: run it within the transaction',
    );
    opening.onFault(fault);
    return fault;
  }

  function runOn(connection: Connection, query: DriverQuery, party: string): void {
    // When it is settled, the driver has not done with the answer yet.
    connection.send(query, () => queueMicrotask(() => takeBack(connection, party)));
  }

  function settleClose(): void {
    if (live.size === 0 && connecting === 0) closing?.done();
  }

  return {
    run(query) {
      const refused = whyNot();
      const party = partyNow();
      const connection = refused === null ? takeIdle(party) : undefined;
      if (refused !== null) query.reject(refused);
      else if (connection !== undefined) runOn(connection, query, party);
      else
        wait(query, {
          party,
          take: (given) => runOn(given, query, party),
          refuse: (error) => query.reject(error),
        });
    },
    cancel(query) {
      const given = new ConnectionLostError('CONNECTION_DESTROYED', 'the statement was given up');
      for (const connection of live) if (connection.carries(query)) connection.destroy(given);
      const waiter = waiters.get(query);
      forget(query);
      waiter?.refuse(given);
    },
    async lend(use) {
      const refused = whyNot();
      if (refused !== null) throw refused;
      const party = partyNow();
      const connection =
        takeIdle(party) ??
        (await new Promise<Connection>((resolve, reject) =>
          wait({}, { party, take: resolve, refuse: reject }),
        ));
      const holder: Holder = { isDone: false };
      try {
        return await holding.run(holder, use, connection);
      } finally {
        holder.isDone = true;
        takeBack(connection, party);
      }
    },
    counts: () => ({ open: live.size, idle: idle.length, waiting: waiters.size }),
    async close(withinMs) {
      if (closing !== null) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      closing = { done: resolve };
      refuseAll(new ConnectionLostError('CONNECTION_ENDED', 'the database was closed'));
      for (const connection of [...idle]) connection.end();
      const tooLong = setTimeout(() => {
        for (const connection of [...live])
          connection.destroy(new ConnectionLostError('CONNECTION_DESTROYED', 'the database was closed'));
        resolve();
      }, withinMs);
      settleClose();
      await promise;
      clearTimeout(tooLong);
    },
  };
}
