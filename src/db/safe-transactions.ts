import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres';

/** What a query fails with whose connection has gone. */
const LOST = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'ECONNRESET',
  'EPIPE',
]);

/**
 * Has a client say nothing more in a transaction whose connection has gone: its end, or a statement that comes
 * late, would be written to no socket, of which the error is nobody's and ends the process; or it would be carried out
 * outside of the transaction on the connection that comes next. Whoever runs the transaction hears of it as ever.
 */
export function withSafeTransactions(client: Sql): Sql {
  const begin = client.begin as (...given: unknown[]) => Promise<unknown>;
  function beginSafely(...given: unknown[]): Promise<unknown> {
    const run = given.at(-1) as (sql: TransactionSql) => unknown;
    let isLost = false;
    const done = begin(...given.slice(0, -1), async (sql: TransactionSql) => {
      try {
        const running = run(silentOnce(sql, () => isLost));
        const result = await (Array.isArray(running) ? Promise.all(running) : running);
        return isLost ? await never() : result;
      } catch (error) {
        if (isLost || LOST.has((error as { code?: string }).code ?? '')) await never();
        throw error;
      }
    });
    done.catch(() => {
      isLost = true;
    });
    return done;
  }
  return Object.assign(client, { begin: beginSafely });
}

/** A transaction that sends nothing any more once it is lost; what it is asked for then does not come. */
function silentOnce(sql: TransactionSql, isLost: () => boolean): TransactionSql {
  return new Proxy(sql, {
    apply(target, _, given: Parameters<Sql>) {
      // Without a template it makes a part of a statement.
      if (isLost() && Object.hasOwn(given[0] as object, 'raw')) return never();
      return (target as (...all: unknown[]) => PendingQuery<Row[]>)(...given);
    },
    get(target, name) {
      return name === 'unsafe' && isLost() ? never : Reflect.get(target, name);
    },
  });
}

/** Each a promise of its own, so that nothing holds on to who waits for it. */
function never(): Promise<never> {
  return new Promise(() => {});
}
