import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

const ROUNDS = 20;
let test: TestDatabase;
let database: Database;
beforeAll(async () => {
  test = await createEmptyDatabase();
  await test.database.sql`create table said (word text, xact xid8 default pg_current_xact_id())`;
  // The driver reads the limit of its pipeline from this variable.
  process.env.PGMAX_PIPELINE = '2';
  database = openDatabase(test.address, { connections: 3 });
});
afterAll(async () => {
  delete process.env.PGMAX_PIPELINE;
  await database.close();
  await test.drop();
});

class TakenBackError extends Error {}

/** Inserts two words in a transaction, and rolls it back on request. */
async function saysTwice(word: string, isTakenBack: boolean): Promise<string[]> {
  const words = [`${word} first`, `${word} second`];
  const said = inTransaction(database.sql, async (sql) => {
    for (const each of words) await sql`insert into said (word) values (${each})`;
    if (isTakenBack) throw new TakenBackError();
    return words;
  });
  return await said.catch((error) => {
    if (error instanceof TakenBackError) return [];
    throw error;
  });
}

describe('three connections with six concurrent statements and five concurrent transactions', () => {
  it('store every acknowledged write, and run no statement in the transaction of another caller', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const holding = [1, 2, 3].map(() => database.sql`select pg_sleep(0.02)`.execute());
      const statement = async (index: number) => {
        const word = `statement ${round} ${index}`;
        // Sent at once, and without parameters, because the driver would first ask for their types.
        await database.sql.unsafe(`insert into said (word) values ('${word}')`).execute();
        return [word];
      };
      const statements = (indices: number[]) => indices.map(statement);
      const all = [0, 1, 2, 3, 4, 5];
      // Transactions start while each connection runs none, some or all of the statements.
      const before = round % 7;
      const said = await Promise.all([
        ...holding.map((held) => held.then(() => [])),
        ...statements(all.slice(0, before)),
        ...[0, 1, 2, 3, 4].map((index) => saysTwice(`transaction ${round} ${index}`, index % 3 === 0)),
        ...statements(all.slice(before)),
      ]);
      acknowledged.push(...said.flat());
    }
    const there = await test.database.sql<
      { word: string; xact: string }[]
    >`select word, xact::text from said`;
    expect(there.map(({ word }) => word).sort()).toEqual(acknowledged.sort());
    const whose = (word: string) => word.split(' ').slice(0, 3).join(' ');
    for (const [, words] of Map.groupBy(there, ({ xact }) => xact))
      expect(new Set(words.map(({ word }) => whose(word))).size, JSON.stringify(words)).toBe(1);
    expect(acknowledged).toHaveLength(ROUNDS * (6 + 2 * 3));
  });

  it('do the same when a statement is larger than a socket takes at a time', async () => {
    const large = 'x'.repeat(300_000);
    const acknowledged: string[] = [];
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const word = `large ${index} ${large}`;
        if (index % 2 === 0) await database.sql`insert into said (word) values (${word})`;
        else await saysTwice(word, index % 3 === 0);
        if (index % 2 === 0 || index % 3 !== 0) acknowledged.push(`large ${index}`);
      }),
    );
    const there = await test.database
      .sql`select distinct split_part(word, ' ', 2)::int as index from said where word like 'large%' order by 1`;
    const expected = acknowledged.map((word) => Number(word.split(' ')[1])).sort((a, b) => a - b);
    expect(there.map((row) => row.index)).toEqual(expected);
  });
});
