import { setTimeout as sleep } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeAddress, inDatabase, pgPoolConfig, postgresOptions } from '../../src/db/address.ts';
import { connectWithRetry, type Database, openDatabase, readDatabaseTime } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { SetupError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

const log = createLog({ logLevel: 'silent' });
let test: TestDatabase;
beforeAll(async () => {
  test = await createEmptyDatabase();
});
afterAll(() => test.drop());

it('timestamps are read as dates', async () => {
  const { sql } = test.database;
  const [row] =
    await sql`select timestamptz '2026-03-01 12:00:00.123+02' as at, ${new Date(5)}::timestamptz as sent`;
  expect(row).toEqual({ at: new Date('2026-03-01T10:00:00.123Z'), sent: new Date(5) });
});

it('every session has the time limits and the time zone of Lull', async () => {
  const database = openDatabase(test.address);
  const settings = await database.sql`select name, setting from pg_settings`;
  await database.close();
  expect([...settings]).toEqual(
    expect.arrayContaining([
      { name: 'application_name', setting: 'lull' },
      { name: 'idle_in_transaction_session_timeout', setting: '15000' },
      { name: 'lock_timeout', setting: '5000' },
      { name: 'statement_timeout', setting: '10000' },
      { name: 'TimeZone', setting: 'UTC' },
    ]),
  );
});

it('the time of the database can be read', async () => {
  const time = await readDatabaseTime(test.database);
  expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(5000);
});

it('a closed database rejects statements', async () => {
  const database = openDatabase(test.address);
  await database.sql`select 1`;
  await database.close();
  await expect(database.sql`select 1`).rejects.toThrow('CONNECTION_ENDED');
});

describe('a transaction whose connection is lost', () => {
  let database: Database;
  beforeAll(async () => {
    database = await connectWithRetry(test.address, log, { connections: 2 });
  });
  afterAll(() => database.close());
  /** Ends the session of a transaction, and waits until its client knows. */
  async function cut(sql: TransactionSql): Promise<void> {
    const [session] = await sql`select pg_backend_pid() as pid`;
    await test.database.sql`select pg_terminate_backend(${session?.pid}, 5000)`;
    await sleep(50);
  }

  it('arrays can be written and read on every connection', async () => {
    const words = ['a', 'b"c'];
    const asked = [1, 2].map(
      () => database.sql`select ${words}::text[] as words, pg_sleep(0.1)::text as slept`,
    );
    expect((await Promise.all(asked)).map(([row]) => row?.words)).toEqual([words, words]);
  });

  it('fails, and so do its later statements', async () => {
    const said = Promise.withResolvers<unknown>();
    const gone = inTransaction(database.sql, async (sql) => {
      await cut(sql);
      const late = sql`create table said (word text)`;
      said.resolve(await late.catch((error) => error.code));
    });
    await expect(gone).rejects.toThrow('CONNECTION_CLOSED');
    expect(await said.promise).toBe('CONNECTION_CLOSED');
    expect(await test.database.sql`select to_regclass('said') as found`).toEqual([{ found: null }]);
  });

  it('fails while its statements are under way, and the next transaction succeeds', async () => {
    const gone = inTransaction(database.sql, async (sql) => {
      const [session] = await sql`select pg_backend_pid() as pid`;
      const cutting = test.database.sql`select pg_terminate_backend(${session?.pid}, 5000)`.execute();
      await Promise.all([sql`select pg_sleep(5)`, sql`select 1`, cutting]);
    });
    await expect(gone).rejects.toThrow('CONNECTION_CLOSED');
    const next = inTransaction(database.sql, (sql) => [sql`select 1 as one`, sql`select 2 as two`]);
    expect(await next).toEqual([[{ one: 1 }], [{ two: 2 }]]);
  });
});

it('a reachable database is opened', async () => {
  const database = await connectWithRetry(test.address, log);
  expect(await database.sql`select 1 as one`).toEqual([{ one: 1 }]);
  await database.close();
});

it('an unreachable database is retried, and the error names it without its password', async () => {
  const tries: string[] = [];
  const watching = createLog({ logLevel: 'warn' }, { write: (line) => tries.push(line) });
  const address = { url: 'postgres://someone:hidden@127.0.0.1:9/lull' };
  const failed = await connectWithRetry(address, watching, { attempts: 3, firstDelayMs: 1 }).catch(
    (error) => error,
  );
  expect(failed).toBeInstanceOf(SetupError);
  expect(failed).toMatchObject({ exitCode: 3, message: expect.stringContaining('127.0.0.1:9/lull') });
  expect(tries).toHaveLength(2);
  expect(failed.message + tries.join('')).not.toContain('hidden');
});

it('a server that refuses the connection is not retried', async () => {
  const missing = inDatabase(test.address, 'nowhere');
  const failed = connectWithRetry(missing, log, { firstDelayMs: 60_000 });
  await expect(failed).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('nowhere') });
});

const ANN = { host: 'db.example', port: 5432, database: 'lull', user: 'ann' };
it.each([
  ['postgres://ann:p%40ss@db.example:6543/lull?sslmode=require', { ...ANN, port: 6543, password: 'p@ss' }],
  ['postgresql://ann@db.example', { ...ANN, database: 'ann' }],
  ['postgres://ann@/lull?host=/run/postgresql', { ...ANN, host: '/run/postgresql' }],
  ['postgres://ann@%2Frun%2Fpostgresql/lull', { ...ANN, host: '/run/postgresql' }],
  ['postgres://ann@[::1]:1234/lull', { ...ANN, host: '::1', port: 1234 }],
  ['postgres://ann@?host=/tmp&port=6000', { ...ANN, host: '/tmp', port: 6000, database: 'ann' }],
  ['postgres:///lull?user=ann&password=secret', { ...ANN, host: 'localhost', password: 'secret' }],
])('reads the address %s', (url, expected) => {
  expect(pgPoolConfig({ url })).toMatchObject(expected);
  const { host, port, ...login } = expected;
  const way = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host: [host], port: [port] };
  expect(postgresOptions({ url })).toMatchObject({ ...login, ...way });
  expect(describeAddress({ url })).not.toContain('p@ss');
});

it.each([
  ['', false],
  ['?sslmode=disable', false],
  ['?sslmode=prefer', false],
  ['?sslmode=require', { rejectUnauthorized: false }],
  ['?sslmode=verify-ca', true],
  ['?sslmode=verify-full&sslrootcert=/no/such/file', true],
])('the query %j of an address decides about encryption', (query, ssl) => {
  const url = `postgres://ann@db.example/lull${query}`;
  expect(postgresOptions({ url }).ssl).toEqual(ssl);
  expect(pgPoolConfig({ url }).ssl).toEqual(ssl);
});
