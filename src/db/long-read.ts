import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres';
import { UnavailableError } from '../domain/errors.ts';
import { hasSqlstate } from './sqlstate.ts';
import { inTransaction } from './transaction.ts';

/** Runs a statement that may read every conversation of an account. @throws UnavailableError after `withinMs` */
export async function readWithin<Found extends readonly Row[]>(
  sql: Sql,
  withinMs: number,
  read: (tx: TransactionSql) => PendingQuery<Found>,
): Promise<Found> {
  try {
    const [, rows] = await inTransaction(
      sql,
      (tx) => [tx.unsafe(`set local statement_timeout = ${withinMs}`), read(tx)],
      'read only',
    );
    return rows as unknown as Found;
  } catch (error) {
    if (!hasSqlstate(error, 'queryCanceled')) throw error;
    throw new UnavailableError(
      `there is too much to read within ${withinMs / 1000} s; ask for less, or try again when there is less to do`,
    );
  }
}
