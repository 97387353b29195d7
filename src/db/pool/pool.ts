/**
 * Connections that are never shared while a statement is under way: each is lent for one statement or one transaction.
 * The pool works around three faults of postgres.js: it begins transactions on connections that are not reserved, it
 * counts rows wrongly after some errors, and it crashes the process when a connection breaks while it writes.
 *
 * A pool is OPEN until `close`, then CLOSING until its last connection is gone. An OPEN connection of the pool is idle;
 * lent; or suspect, after a failed statement, until it is proven clean and idle again, or gone (`connection.ts`).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { UnavailableError } from '../../domain/errors.ts';
import { openShares } from '../shares.ts';
import { openWaitingList, type Waiter } from '../waiting-list.ts';
import { closeIfEmpty, connectMore } from './connecting.ts';
import { type Connection, destroy, end, type Opening, send } from './connection.ts';
import type { DriverQuery } from './driver.ts';
import { ConnectionLostError, DriverFaultError } from './errors.ts';
import { type PoolState, takeBack, takeIdle, UNBOUNDED } from './pool-state.ts';

export type Pool = {
  /** Runs a statement on a connection of its own. Never throws: the statement is rejected. */
  run(query: DriverQuery): void;
  /** Cancels a statement: a waiting one is never sent, and the connection of a running one is broken off. */
  cancel(query: DriverQuery): void;
  /** Lends a connection for as long as `use` takes. @throws UnavailableError where none was free in time */
  lend<Result>(use: (connection: Connection) => Promise<Result>): Promise<Result>;
  counts(): PoolCounts;
  /** Refuses new statements, and waits for running ones, `withinMs` at most. */
  close(withinMs: number): Promise<void>;
};

export type PoolCounts = {
  open: number;
  idle: number;
  waiting: number;
};

type PoolOptions = Omit<Opening, 'onGone'> & {
  /** How many connections the pool opens at most. */
  connections: number;
  /** How many of them one account may have; `onBehalfOf` names the account. */
  connectionsOfOne: number;
  /** How long a statement or a transaction waits for a connection. */
  waitMs: number;
};

/** A caller to whom a connection is lent for a transaction. */
type Holder = { isDone: boolean };
type Holding = AsyncLocalStorage<Holder>;

const accounts = new AsyncLocalStorage<string>();

/** Does work on behalf of an account: accounts take turns at connections, and none has more than its share. */
export function onBehalfOf<Result>(accountId: string, work: () => Result): Result {
  return accounts.run(accountId, work);
}

/** Opens a pool; it connects once there is something to do. */
export function openPool({ connections, connectionsOfOne, waitMs, ...opening }: PoolOptions): Pool {
  const pool: PoolState = {
    state: 'OPEN',
    closed: Promise.withResolvers(),
    opening,
    connections,
    live: new Set(),
    idle: [],
    retired: new WeakSet(),
    waiting: openWaitingList(
      waitMs,
      () =>
        new UnavailableError(
          `no connection to the database was free within ${waitMs / 1000} s; nothing was changed`,
        ),
    ),
    shares: openShares(connectionsOfOne),
    ...{ connecting: 0, attempting: 0, failures: 0 },
  };
  const holding: Holding = new AsyncLocalStorage();
  return {
    run: (query) => run(pool, holding, query),
    cancel: (query) => cancel(pool, query),
    lend: (use) => lend(pool, holding, use),
    counts: () => ({ open: pool.live.size, idle: pool.idle.length, waiting: pool.waiting.size() }),
    close: (withinMs) => close(pool, withinMs),
  };
}

function run(pool: PoolState, holding: Holding, query: DriverQuery): void {
  const refusal = whyRefused(pool, holding);
  if (refusal !== null) {
    query.reject(refusal);
    return;
  }
  const accountId = accountOfCaller(holding);
  // The driver still works on the answer when it resolves the statement.
  const take = (connection: Connection) =>
    send(connection, query, () => queueMicrotask(() => takeBack(pool, connection, accountId)));
  const idle = takeIdle(pool, accountId);
  if (idle !== undefined) take(idle);
  else wait(pool, query, { accountId, take, refuse: (error) => query.reject(error) });
}

function cancel(pool: PoolState, query: DriverQuery): void {
  const cancelled = new ConnectionLostError('CONNECTION_DESTROYED', 'the statement was cancelled');
  for (const connection of pool.live) if (connection.pending.has(query)) destroy(connection, cancelled);
  pool.waiting.refuse(query, cancelled);
}

async function lend<Result>(
  pool: PoolState,
  holding: Holding,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const refusal = whyRefused(pool, holding);
  if (refusal !== null) throw refusal;
  const accountId = accountOfCaller(holding);
  const connection =
    takeIdle(pool, accountId) ??
    (await new Promise<Connection>((take, refuse) => wait(pool, {}, { accountId, take, refuse })));
  const holder: Holder = { isDone: false };
  try {
    return await holding.run(holder, use, connection);
  } finally {
    holder.isDone = true;
    takeBack(pool, connection, accountId);
  }
}

function wait(pool: PoolState, key: object, waiter: Waiter<Connection>): void {
  pool.waiting.add(key, waiter);
  connectMore(pool);
}

/** A caller that has a connection already must not wait for its own account to give one back. */
function accountOfCaller(holding: Holding): string {
  return isNested(holding) ? UNBOUNDED : (accounts.getStore() ?? UNBOUNDED);
}

function isNested(holding: Holding): boolean {
  return holding.getStore()?.isDone === false;
}

/** Why nothing is lent to the caller; null if it may take or wait for a connection. */
function whyRefused({ state, idle, live, connecting, connections, opening }: PoolState, holding: Holding) {
  if (state === 'CLOSING') return databaseClosed('CONNECTION_ENDED');
  // Holders that wait for a second connection could all wait for each other.
  if (!isNested(holding) || idle.length > 0 || live.size + connecting < connections) return null;
  const fault = new DriverFaultError(
    'nested',
    'a statement outside of a transaction would wait until the transaction ends: run it within the transaction',
  );
  opening.onFault(fault);
  return fault;
}

async function close(pool: PoolState, withinMs: number): Promise<void> {
  if (pool.state === 'CLOSING') return;
  pool.state = 'CLOSING';
  pool.waiting.refuseAll(databaseClosed('CONNECTION_ENDED'));
  for (const connection of [...pool.idle]) end(connection);
  const timeout = setTimeout(() => {
    for (const connection of [...pool.live]) destroy(connection, databaseClosed('CONNECTION_DESTROYED'));
    pool.closed.resolve();
  }, withinMs);
  closeIfEmpty(pool);
  await pool.closed.promise;
  clearTimeout(timeout);
}

function databaseClosed(code: 'CONNECTION_ENDED' | 'CONNECTION_DESTROYED'): ConnectionLostError {
  return new ConnectionLostError(code, 'the database was closed');
}
