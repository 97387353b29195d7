import type { Sql, TransactionSql } from 'postgres';
import { type Connection, send, whyGone } from './pool/connection.ts';
import { type Carrier, type DriverQuery, statementsOf } from './pool/driver.ts';
import { DriverFaultError } from './pool/errors.ts';
import type { Pool } from './pool/pool.ts';
import { hasSqlstate } from './sqlstate.ts';

/** The mode of a transaction; by default it is read committed, and may write. */
export type TransactionMode = 'read only' | 'isolation level repeatable read read only';
type Run<Result> = (sql: TransactionSql) => Result | PromiseLike<Result>;
/** An array of promises stands for their results. */
type Results<Result> = Result extends unknown[]
  ? { [Key in keyof Result]: Awaited<Result[Key]> }
  : Awaited<Result>;
/** Runs something in a transaction. */
type Transact = <Result>(run: Run<Result>, mode?: TransactionMode) => Promise<Results<Result>>;

/** The property of a database's `sql` that begins transactions. */
export const TRANSACT = Symbol('transact');

/**
 * Runs `run` in a transaction; there is no other way to begin one. It commits when `run` is done, and rolls back if `run`
 * rejects or one of its statements fails, even if `run` catches the error. The transaction has a connection to itself, on
 * which its statements are pipelined. Until it ends, statements outside of it are refused if they would have to wait for a
 * connection: transactions could wait for each other for ever.
 * @throws UnavailableError if no connection was free in time; nothing was changed
 */
export function inTransaction<Result>(
  sql: Sql,
  run: Run<Result>,
  mode?: TransactionMode,
): Promise<Results<Result>> {
  const { [TRANSACT]: transact } = sql as Sql & { [TRANSACT]?: Transact };
  if (transact === undefined) throw new TypeError('a transaction takes the statements of an open database');
  return transact(run, mode);
}

/** Begins transactions on connections of a pool. */
export function transactionsOf(pool: Pool, template: Sql): Transact {
  return (run, mode) =>
    pool.lend(
      (connection) =>
        new Promise((resolve, reject) => {
          // `run` may be waiting for something other than the connection.
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

/** Runs `run`, and rolls back if it or one of its statements fails. */
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
    // This scope handles the rejection, so it is never unhandled.
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
    // If this fails too, the connection does not prove clean.
    if (whyGone(connection) === null) await rollBack().then(undefined, () => {});
    throw causeOf(error, failed);
  } finally {
    isOver = true;
  }
}

/** A failed transaction answers further statements with 25P02; the first error says more. */
function causeOf(error: unknown, failed: { error: unknown } | null): unknown {
  return failed !== null && hasSqlstate(error, 'inFailedTransaction') ? failed.error : error;
}

function within(connection: Connection): Carrier {
  return {
    handler: (query) => send(connection, query),
    canceller: async () => {},
  };
}
