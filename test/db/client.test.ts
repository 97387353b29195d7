import { sql as raw } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeAddress, inDatabase, pgPoolConfig, postgresOptions } from '../../src/db/address.ts';
import { connectWithRetry, openDatabase, readDatabaseTime } from '../../src/db/client.ts';
import { SetupError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

const log = createLog({ logLevel: 'silent' });
let test: TestDatabase;
beforeAll(async () => {
  test = await createEmptyDatabase();
});
afterAll(() => test.drop());

it('reads timestamps as dates in plain SQL, after drizzle was used too', async () => {
  const { sql, orm } = test.database;
  await orm.execute(raw`select now()`);
  const [row] =
    await sql`select timestamptz '2026-03-01 12:00:00.123+02' as at, ${new Date(5)}::timestamptz as sent`;
  expect(row).toEqual({ at: new Date('2026-03-01T10:00:00.123Z'), sent: new Date(5) });
});

it('limits every session, of both pools', async () => {
  const { sql, orm } = test.database;
  const settings =
    raw.raw(`select name, setting from pg_settings where name in ('application_name', 'TimeZone',
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') order by 1`);
  const expected = [
    { name: 'application_name', setting: 'lull' },
    { name: 'idle_in_transaction_session_timeout', setting: '15000' },
    { name: 'lock_timeout', setting: '5000' },
    { name: 'statement_timeout', setting: '10000' },
    { name: 'TimeZone', setting: 'UTC' },
  ];
  expect([...(await orm.execute(settings))]).toEqual(expect.arrayContaining(expected));
  expect([...(await sql.unsafe('select name, setting from pg_settings'))]).toEqual(
    expect.arrayContaining(expected),
  );
});

it('asks the database for its time', async () => {
  const time = await readDatabaseTime(test.database);
  expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(5000);
});

it('a closed database takes no more statements', async () => {
  const database = openDatabase(test.address);
  await database.sql`select 1`;
  await database.close();
  await expect(database.sql`select 1`).rejects.toThrow('CONNECTION_ENDED');
});

it('a database that is there is opened', async () => {
  const database = await connectWithRetry(test.address, log);
  expect(await database.sql`select 1 as one`).toEqual([{ one: 1 }]);
  await database.close();
});

it('a database that is not there is tried again, then named without its password', async () => {
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

it('a server that refuses us is not tried again', async () => {
  const missing = inDatabase(test.address, 'nowhere');
  const failed = connectWithRetry(missing, log, { firstDelayMs: 60_000 });
  await expect(failed).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('nowhere') });
});

it.each([
  ['postgres://ann:p%40ss@db.example:6543/lull?sslmode=require', 'db.example', 6543, 'lull', 'ann', 'p@ss'],
  ['postgresql://ann@db.example', 'db.example', 5432, 'ann', 'ann', undefined],
  ['postgres://ann@/lull?host=/run/postgresql', '/run/postgresql', 5432, 'lull', 'ann', undefined],
  ['postgres://ann@%2Frun%2Fpostgresql/lull', '/run/postgresql', 5432, 'lull', 'ann', undefined],
  ['postgres://ann@[::1]:1234/lull', '::1', 1234, 'lull', 'ann', undefined],
])('understands %s', (url, host, port, database, user, password) => {
  const login = { database, user, ...(password === undefined ? {} : { password }) };
  expect(pgPoolConfig({ url })).toMatchObject({ ...login, host, port });
  const way = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host: [host], port: [port] };
  expect(postgresOptions({ url })).toMatchObject({ ...login, ...way });
  expect(describeAddress({ url })).not.toContain('p@ss');
});

it.each([
  ['', false],
  ['?sslmode=disable', false],
  ['?sslmode=require', { rejectUnauthorized: false }],
  ['?sslmode=verify-full', true],
])('encrypts as asked: %s', (query, ssl) => {
  const url = `postgres://ann@db.example/lull${query}`;
  expect(postgresOptions({ url }).ssl).toEqual(ssl);
  expect(pgPoolConfig({ url }).ssl).toEqual(ssl);
});
