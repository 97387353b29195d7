import type { Shares } from '../shares.ts';
import type { WaitingList } from '../waiting-list.ts';
import { type Connection, end, isSuspect, type Opening, prove, whyGone } from './connection.ts';

/** A pool, as `pool.ts` describes it. */
export type PoolState = {
  state: 'OPEN' | 'CLOSING';
  /** Resolved when a CLOSING pool is closed. */
  readonly closed: PromiseWithResolvers<void>;
  readonly opening: Omit<Opening, 'onGone'>;
  /** How many connections the pool opens at most. */
  readonly connections: number;
  /** Every OPEN connection: idle, lent, or being proven clean. */
  readonly live: Set<Connection>;
  /** The connection used last is lent next, because its statements are prepared and its memory is warm. */
  readonly idle: Connection[];
  /** Connections over their lifetime: they end instead of becoming idle. */
  readonly retired: WeakSet<Connection>;
  readonly waiting: WaitingList<Connection>;
  readonly shares: Shares;
  /** Connections that are being opened, or pause before that. */
  connecting: number;
  /** Of these, the ones that do not pause. */
  attempting: number;
  /** Attempts to connect that failed since the last one that did not. */
  failures: number;
};

/** The account of work that is not bounded: work of no account, and work that waits while it has a connection already. */
export const UNBOUNDED = '';

function mayTake({ shares }: PoolState, accountId: string): boolean {
  return accountId === UNBOUNDED || shares.mayTake(accountId);
}

/** Lends an idle connection to an account, if there is one and the account has not used up its share. */
export function takeIdle(pool: PoolState, accountId: string): Connection | undefined {
  if (!mayTake(pool, accountId)) return undefined;
  const connection = pool.idle.pop();
  if (connection !== undefined) pool.shares.take(accountId);
  return connection;
}

/** Takes a connection back once nothing of its holder is under way on it. A suspect one is proven clean first. */
export function takeBack(pool: PoolState, connection: Connection, accountId: string): void {
  pool.shares.giveBack(accountId);
  connection.onGone = null;
  const isGone = whyGone(connection) !== null;
  if (!isGone && !isSuspect(connection)) {
    makeIdle(pool, connection);
    return;
  }
  serve(pool);
  if (!isGone) void prove(connection).then((isClean) => isClean && makeIdle(pool, connection));
}

/** Makes a connection idle, or ends it if the pool is closing or the connection is retired. */
export function makeIdle(pool: PoolState, connection: Connection): void {
  if (pool.state === 'CLOSING' || pool.retired.has(connection)) end(connection);
  else pool.idle.push(connection);
  serve(pool);
}

/** Lends idle connections to those who wait. */
function serve(pool: PoolState): void {
  while (pool.idle.length > 0) {
    const waiter = pool.waiting.next((accountId) => mayTake(pool, accountId));
    if (waiter === null) return;
    pool.shares.take(waiter.accountId);
    waiter.take(pool.idle.pop() as Connection);
  }
}
