import type { Sql, TransactionSql } from 'postgres';
import { type Connection, send, whyGone } from './pool/connection.ts';
import { type Carrier, type DriverQuery, statementsOf } from './pool/driver.ts';
import { DriverFaultError } from './pool/errors.ts';
import type { Pool } from './pool/pool.ts';
import { hasSqlstate } from './sqlstate.ts';

/** How a transaction sees and what it may do; without one it is read committed, and may write. */
export type TransactionMode = 'read only' | 'isolation level repeatable read read only';
type Run<Result> = (sql: TransactionSql) => Result | PromiseLike<Result>;
/** An array of promises stands for all they bring. */
type Settled<Result> = Result extends unknown[]
  ? { [Key in keyof Result]: Awaited<Result[Key]> }
  : Awaited<Result>;
/** Runs something in a transaction. */
export type Transact = <Result>(run: Run<Result>, mode?: TransactionMode) => Promise<Settled<Result>>;

/** Where the statements of a pool keep the way into a transaction. */
export const TRANSACT = Symbol('transact');

/**
 * Runs something in one transaction, the only way into one. It commits when `run` is done, and rolls back where that rejects
 * or a statement of it failed, even if nobody heard. The transaction has a connection to itself, on which its statements are
 * pipelined. Statements outside of it, of the same database, are refused meanwhile: they might wait for each other for ever.
 * @throws UnavailableError where no connection was free in time; nothing was changed
 */
export function inTransaction<Result>(
  sql: Sql,
  run: Run<Result>,
  mode?: TransactionMode,
): Promise<Settled<Result>> {
  const { [TRANSACT]: transact } = sql as Sql & { [TRANSACT]?: Transact };
  if (transact === undefined) throw new TypeError('a transaction takes the statements of an open database');
  return transact(run, mode);
}

/** The way into transactions of a pool. */
export function transactionsOf(pool: Pool, template: Sql): Transact {
  return (run, mode) =>
    pool.lend(
      (connection) =>
        new Promise((resolve, reject) => {
          // Whoever runs it may wait for something else just now.
          connection.onGone = reject;
          carryOut(connection, template, run as Run<never>, mode).then(resolve, reject);
        }),
    );
}

async function carryOut<Result>(
  connection: Connection,
  template: Sql,
  run: Run<Result>,
  mode: TransactionMode | undefined,
): Promise<Result> {
  const own = statementsOf(template, within(connection));
  await own.unsafe(mode === undefined ? 'begin' : `begin ${mode}`);
  const result = await scope(connection, template, { run, rollBack: () => own`rollback` });
  const { command } = await own`commit`;
  if (command === 'COMMIT') return result;
  throw new DriverFaultError('not_clean', `a transaction was to be committed, and the server did ${command}`);
}

type Scope<Result> = { run: Run<Result>; rollBack: () => PromiseLike<unknown> };

/** Runs something, and rolls back where that or a statement of it fails. */
async function scope<Result>(
  connection: Connection,
  template: Sql,
  { run, rollBack }: Scope<Result>,
): Promise<Result> {
  let [isOver, savepoints] = [false, 0];
  let failed: { error: unknown } | null = null;
  const carrier = within(connection);
  const handler = (query: DriverQuery) => {
    if (isOver)
      return query.reject(
        new DriverFaultError('nested', 'a statement came after the end of its transaction'),
      );
    const { reject } = query;
    query.reject = (error) => {
      failed ??= { error };
      reject(error);
    };
    // Somebody hears of it: this scope.
    query.then(undefined, () => {});
    carrier.handler(query);
  };
  const statements = statementsOf(template, { ...carrier, handler });

  async function savepoint<Inner>(inner: Run<Inner>): Promise<Inner> {
    const name = `lull_${++savepoints}`;
    const own = statementsOf(template, within(connection));
    await own.unsafe(`savepoint ${name}`);
    return await scope(connection, template, {
      run: inner,
      rollBack: () => own.unsafe(`rollback to ${name}`),
    });
  }
  try {
    const running = run(Object.assign(statements, { savepoint }) as unknown as TransactionSql);
    const result = await (Array.isArray(running) ? (Promise.all(running) as PromiseLike<Result>) : running);
    if (failed !== null) throw (failed as { error: unknown }).error;
    return result;
  } catch (error) {
    // Where that fails too, the connection does not prove clean.
    if (whyGone(connection) === null) await rollBack().then(undefined, () => {});
    throw causeOf(error, failed);
  } finally {
    isOver = true;
  }
}

/** A transaction that failed answers every further statement with 25P02: what it failed with first says more. */
function causeOf(error: unknown, failed: { error: unknown } | null): unknown {
  return failed !== null && hasSqlstate(error, 'inFailedTransaction') ? failed.error : error;
}

function within(connection: Connection): Carrier {
  return {
    handler: (query) => send(connection, query),
    canceller: async () => {},
  };
}
