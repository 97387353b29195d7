import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres';
import { inTransaction, TRANSACT, type TransactionMode } from '../../src/db/transaction.ts';

/**
 * How the n-th statement from now on comes to grief. BEFORE: it is never sent. AFTER: it is carried out, but
 * nobody hears of it. KILLED: the server ends the session instead of carrying it out. A commit is a statement too.
 */
export type Crash = { at: number; how: 'BEFORE' | 'AFTER' | 'KILLED' };

/** What was made to happen; whoever meets it stops, as a process that died would. */
class CrashError extends Error {}

/** A client that comes to grief where `plan` says, once. `stop` tells whether it did. */
export type Crashable = { sql: Sql; plan(crash: Crash | null): void; stop(): boolean };

/** Wraps a client. `other` is a connection that outlives it. */
export function crashable(real: Sql, other: Sql): Crashable {
  let planned: Crash | null = null;
  let statements = 0;
  /** How the statement that comes now is to end; undefined: well. */
  const next = () => (++statements === planned?.at ? planned.how : undefined);

  function send(statement: () => PendingQuery<Row[]>, kill: () => Promise<never>) {
    const how = next();
    if (how === 'BEFORE') return Promise.reject(new CrashError(how));
    if (how === 'KILLED') return kill();
    // A query waits to be awaited; of many at once none may overtake those before it.
    const query = statement().execute();
    return how === 'AFTER' ? query.then(() => Promise.reject(new CrashError(how))) : query;
  }

  async function transact(
    run: (sql: TransactionSql) => Promise<unknown>,
    mode?: TransactionMode,
  ): Promise<unknown> {
    let how: Crash['how'] | undefined;
    const carryOut = async (transaction: TransactionSql) => {
      const killed = () => endSession(transaction, other);
      const value = await run(wrapped(transaction, killed));
      how = next();
      if (how === 'BEFORE') throw new CrashError(how);
      if (how === 'KILLED') await killed();
      return value;
    };
    const result = await inTransaction(real, carryOut, mode);
    if (how === 'AFTER') throw new CrashError(how);
    return result;
  }

  function wrapped<T extends Sql | TransactionSql>(sql: T, kill: () => Promise<never>): T {
    let isDead = false;
    const carryOut = (statement: () => PendingQuery<Row[]>) =>
      isDead
        ? FOREVER
        : send(statement, () => {
            isDead = sql !== real;
            return kill();
          });
    return new Proxy(sql, {
      apply(target, _, args: Parameters<Sql>) {
        const call = () => (target as (...all: unknown[]) => PendingQuery<Row[]>)(...args);
        // Without a template it makes a part of a statement.
        return Object.hasOwn(args[0] as object, 'raw') ? carryOut(call) : call();
      },
      get(target, name) {
        if (name === 'unsafe')
          return (...args: Parameters<Sql['unsafe']>) => carryOut(() => target.unsafe(...args));
        if (name === TRANSACT) return transact;
        return Reflect.get(target, name);
      },
    });
  }

  const killOne = async () => {
    await inTransaction(real, (transaction) => endIdleSession(transaction, other)).catch(() => {});
    throw new CrashError('KILLED');
  };
  return {
    sql: wrapped(real, killOne),
    plan(crash) {
      planned = crash;
      statements = 0;
    },
    stop() {
      const happened = planned !== null && statements >= planned.at;
      planned = null;
      return happened;
    },
  };
}

const FOREVER = new Promise<never>(() => {});

/**
 * Ends a transaction's session once all that was sent to it is done. Whoever runs the transaction hears of it
 * from the client; what was still to be said within it is not said any more.
 */
async function endSession(transaction: TransactionSql, other: Sql): Promise<never> {
  await endIdleSession(transaction, other);
  return await FOREVER;
}

async function endIdleSession(session: TransactionSql, other: Sql): Promise<void> {
  const [row] = await session`select pg_backend_pid() as pid`;
  await other`select pg_terminate_backend(${row?.pid})`;
}
