import type { Sql, TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
let database: Database;
beforeAll(async () => {
  test = await createEmptyDatabase();
  // With one connection, the next statement uses the connection on which a statement failed.
  database = openDatabase(test.address, { connections: 1 });
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

type Way = (sql: Sql | TransactionSql, text: string) => PromiseLike<unknown>;

/** All ways in which Lull sends a statement. */
const WAYS: Record<string, Way> = {
  plain: (sql, text) => sql`${sql.unsafe(text)}`,
  simple: (sql, text) => sql.unsafe(text),
  unnamed: (sql, text) => sql.unsafe(text.replace('10', '$1::int'), [10]),
  prepared: (sql, text) => sql.unsafe(text.replace('10', '$1::int'), [10], { prepare: true }),
};
const DIVISION = 'select 1 / (5 - i) as quotient from generate_series(1, 10) as i';
const COUNTING = 'select i as number from generate_series(1, 10) as i where i <= 3';
const COUNTED = [{ number: 1 }, { number: 2 }, { number: 3 }];
/** Sends rows for a second, the first of them at once. */
const SLOW = `select i, repeat('-', 9000), pg_sleep(0.01)::text from generate_series(1, 100) as i`;

/** How statements fail after some of their rows have come. */
const FAILURES: Record<string, (fails: Way) => Promise<void>> = {
  'by itself': async (fails) => {
    await expect(fails(database.sql, DIVISION)).rejects.toMatchObject({ code: '22012' });
  },
  'in a transaction': async (fails) => {
    const failing = inTransaction(database.sql, (sql) => fails(sql, DIVISION));
    await expect(failing).rejects.toMatchObject({ code: '22012' });
  },
  'within a savepoint': async (fails) => {
    const read = await inTransaction(database.sql, async (sql) => {
      await expect(sql.savepoint((inner) => fails(inner, DIVISION))).rejects.toMatchObject({ code: '22012' });
      return [...(await sql<{ number: number }[]>`${sql.unsafe(COUNTING)}`)];
    });
    expect(read).toEqual(COUNTED);
  },
  'when it is cancelled': async () => {
    const [session] = await database.sql`select pg_backend_pid() as pid`;
    const ended = database.sql.unsafe(SLOW).catch((error) => error.code);
    const isRunning = async () =>
      (
        await test.database.sql`
          select from pg_stat_activity where pid = ${session?.pid} and state = 'active' and query = ${SLOW}`
      ).length;
    await expect.poll(isRunning, { interval: 10 }).toBe(1);
    await test.database.sql`select pg_cancel_backend(${session?.pid})`;
    expect(await ended).toBe('57014');
  },
  'when it takes too long': async () => {
    const slow = inTransaction(database.sql, async (sql) => {
      await sql`set local statement_timeout = 100`;
      await sql.unsafe(SLOW);
    });
    await expect(slow).rejects.toMatchObject({ code: '57014' });
  },
};
const CASES = Object.keys(FAILURES).flatMap((failure) =>
  Object.keys(WAYS).flatMap((fails) => Object.keys(WAYS).map((reads) => ({ failure, fails, reads }))),
);

describe('after a statement that failed between its rows', () => {
  it.each(CASES)('$fails, $failure, a $reads read has its rows and no others', async (each) => {
    await FAILURES[each.failure]?.(WAYS[each.fails] as Way);
    const rows = (await WAYS[each.reads]?.(database.sql, COUNTING)) as unknown[];
    expect([...rows]).toEqual(COUNTED);
  });

  it('the next transaction has its rows too, and no fault is counted', async () => {
    await FAILURES['by itself']?.(WAYS.plain as Way);
    const read = inTransaction(database.sql, (sql) => [sql`select 1 as one`, sql`select 2 as two`]);
    expect(await read).toEqual([[{ one: 1 }], [{ two: 2 }]]);
    expect(Object.values(database.counts().faults)).toEqual([0, 0, 0, 0]);
  });
});

describe('while statements are cancelled between their rows', () => {
  it('concurrent reads get their own rows', async () => {
    const pool = openDatabase(test.address, { connections: 3 });
    let isOver = false;
    const beside = Array.from({ length: 4 }, async (_, reader) => {
      for (let times = 0; !isOver; times++) {
        const rows =
          await pool.sql`select ${reader}::int as reader, i from generate_series(1, ${3 + (times % 5)}::int) i`;
        expect([...rows]).toEqual(Array.from({ length: 3 + (times % 5) }, (_, i) => ({ reader, i: i + 1 })));
      }
    });
    const breaking = async (how: 'pg_cancel_backend' | 'pg_terminate_backend') => {
      const slow = pool.sql.unsafe(`/* ${how} */ ${SLOW}`).execute();
      const ended = slow.catch((error) => error.code);
      await expect
        .poll(async () => {
          const found = await test.database.sql.unsafe(
            `select ${how}(pid) from pg_stat_activity where query like '/* ${how} */%'
               and query_start < clock_timestamp() - interval '50 ms' and state = 'active'`,
          );
          return found.length;
        })
        .toBe(1);
      expect(['57014', '57P01', 'CONNECTION_CLOSED']).toContain(await ended);
    };
    const timedOut = async () => {
      const slow = inTransaction(pool.sql, (sql) => [
        sql`set local statement_timeout = 80`,
        sql.unsafe(SLOW),
      ]);
      await expect(slow).rejects.toMatchObject({ code: '57014' });
    };
    for (let round = 0; round < 5; round++)
      for (const broken of [
        () => breaking('pg_cancel_backend'),
        timedOut,
        () => breaking('pg_terminate_backend'),
      ])
        await broken();
    isOver = true;
    await Promise.all(beside);
    await pool.close();
  });
});
