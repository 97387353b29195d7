import { afterAll, beforeAll, expect, it } from 'vitest';
import { readWithin } from '../../src/db/long-read.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

it('a long read returns its rows', async () => {
  const rows = await readWithin(test.database.sql, 10_000, (tx) => tx`select 7 as number`);
  expect([...rows]).toEqual([{ number: 7 }]);
});

it('SP-9 a read that takes too long is cancelled, and its connection can be used again', async () => {
  const { sql } = test.database;
  const [usual] = await sql`select current_setting('statement_timeout') as limit`;
  const tooLong = readWithin(sql, 50, (tx) => tx`select pg_sleep(20)`);
  await expect(tooLong).rejects.toThrow(UnavailableError);
  await expect(tooLong).rejects.toThrow('within 0.05 s');
  const limits = await Promise.all(
    Array.from(
      { length: 6 },
      () => sql`select current_setting('statement_timeout') as limit, pg_sleep(0.05)`,
    ),
  );
  expect(limits.map(([row]) => row?.limit)).toEqual(Array(6).fill(usual?.limit));
});

it('a long read cannot write, and passes other errors on unchanged', async () => {
  const { sql } = test.database;
  const writes = readWithin(sql, 10_000, (tx) => tx`delete from account`);
  await expect(writes).rejects.toMatchObject({ code: '25006' });
});
