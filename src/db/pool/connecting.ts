import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, end, openConnection } from './connection.ts';
import { makeIdle, type PoolState } from './pool-state.ts';

/** The pause before an attempt to connect grows with the failures before it, but not beyond what callers wait. */
const pauseMs = (failures: number) => Math.min(50 * 2 ** failures, 1_000);
/** Connections are replaced after half an hour to an hour, because the memory of a session only grows. */
const lifetimeMs = () => 1_800_000 * (1 + Math.random());

/** Opens connections for those who wait, up to the limit of the pool. */
export function connectMore(pool: PoolState): void {
  const { waiting, live, connections } = pool;
  while (pool.connecting < waiting.size() && live.size + pool.connecting < connections) void connect(pool);
}

/** A CLOSING pool is CLOSED once no connection is left, and none is being opened. */
export function closeIfEmpty(pool: PoolState): void {
  if (pool.state === 'CLOSING' && pool.live.size === 0 && pool.connecting === 0) pool.closed.resolve();
}

async function connect(pool: PoolState): Promise<void> {
  pool.connecting++;
  if (pool.failures > 0) await sleep(pauseMs(pool.failures));
  if (pool.state === 'OPEN' && pool.waiting.size() > 0) await attempt(pool);
  pool.connecting--;
  goOn(pool);
}

async function attempt(pool: PoolState): Promise<void> {
  pool.attempting++;
  try {
    const onGone = (connection: Connection) => forget(pool, connection);
    const connection = await openConnection({ ...pool.opening, onGone });
    pool.failures = 0;
    pool.live.add(connection);
    setTimeout(() => retire(pool, connection), lifetimeMs()).unref();
    makeIdle(pool, connection);
  } catch (error) {
    pool.failures++;
    // While there is a connection, or another attempt, those who wait may still get one.
    if (pool.live.size === 0 && pool.attempting === 1) pool.waiting.refuseAll(error as Error);
  } finally {
    pool.attempting--;
  }
}

function forget(pool: PoolState, connection: Connection): void {
  pool.live.delete(connection);
  const index = pool.idle.indexOf(connection);
  if (index >= 0) pool.idle.splice(index, 1);
  goOn(pool);
}

function goOn(pool: PoolState): void {
  if (pool.state === 'OPEN') connectMore(pool);
  else closeIfEmpty(pool);
}

function retire(pool: PoolState, connection: Connection): void {
  pool.retired.add(connection);
  if (pool.idle.includes(connection)) end(connection);
}
