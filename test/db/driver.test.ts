import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseArray, serializeArray } from '../../src/db/pool/array-types.ts';
import { whyImpossible } from '../../src/db/pool/check-result.ts';
import { type DriverQuery, isQuery } from '../../src/db/pool/driver.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createEmptyDatabase();
});
afterAll(() => test.drop());

describe('the internals of postgres.js that Lull uses', () => {
  it('a statement has a handler, resolve and reject, and a fragment has none', () => {
    const { sql } = test.database;
    const query: unknown = sql`select 1`;
    expect(isQuery(query)).toBe(true);
    expect(query).toMatchObject({
      ...{ handler: expect.any(Function), canceller: expect.any(Function) },
      ...{ resolve: expect.any(Function), reject: expect.any(Function), state: null },
    });
    expect(isQuery(sql('name'))).toBe(false);
    expect(isQuery(sql({ name: 1 }))).toBe(false);
  });

  it('statements take fragments, and the helpers for names, rows and lists', async () => {
    const { sql } = test.database;
    const part = sql`i > ${1}`;
    const rows = await sql`
      select ${sql('i')} from generate_series(1, 5) as i where ${part} and i in ${sql([2, 3, 9])}
        and ${sql.unsafe('i <> 7')}`;
    expect([...rows]).toEqual([{ i: 2 }, { i: 3 }]);
    await sql`create table pair (a int, b jsonb)`;
    await sql`insert into pair ${sql([{ a: 1, b: sql.json({ x: [1] }) }])}`;
    expect(await sql`select a, b from pair`).toEqual([{ a: 1, b: { x: [1] } }]);
    expect(await sql.unsafe('select $1::int as a', [5], { prepare: true })).toEqual([{ a: 5 }]);
  });

  it('the statements of a pool have no other way to a connection', () => {
    const known = test.database.sql as unknown as Record<string, unknown>;
    expect([known.begin, known.reserve, known.listen, known.end]).toEqual(Array(4).fill(undefined));
  });
});

describe('arrays', () => {
  it.each([
    [['a', 'b"c', 'd\\e', 'f,g', '{h}', '', 'NULL', 'null', ' '], 'text'],
    [[1, -2, 3], 'int'],
    [[true, false], 'boolean'],
    [[new Date(5), new Date(86_400_000)], 'timestamptz'],
    [[{ a: '"' }, { b: ['\\'] }], 'jsonb'],
    [[], 'text'],
    [[null, 'x', null], 'text'],
    [
      [
        ['a', 'b'],
        ['c', null],
      ],
      'text',
    ],
  ])('are read as they were written: %j', async (values, type) => {
    const { sql } = test.database;
    // The driver mistakes a list of booleans or instants for a single value unless `sql.array` marks it.
    const given = (['boolean', 'timestamptz'].includes(type) ? sql.array(values as never) : values) as never;
    const [row] = await sql.unsafe(`select $1::${type}[] as back`, [given]);
    expect(row?.back).toEqual(values);
    const [kept] = await sql.unsafe(`select $1::${type}[] as back`, [given], { prepare: true });
    expect(kept?.back).toEqual(values);
  });

  it('arrays are read with any bounds, and written unchanged if they are text already', () => {
    expect(parseArray('[0:1]={1,2}', Number)).toEqual([1, 2]);
    expect(parseArray('{{1,2},{3,NULL}}', Number)).toEqual([
      [1, 2],
      [3, null],
    ]);
    expect(serializeArray('{a,b}', String)).toBe('{a,b}');
    expect(() => serializeArray([undefined], String)).toThrow('undefined');
  });
});

describe('impossible results', () => {
  const query = {} as DriverQuery;
  const result = (rows: unknown[], more: object = {}) =>
    Object.assign(rows, { command: 'SELECT', count: rows.length, columns: [{ name: 'a' }], ...more });
  const holes = () => {
    const rows: unknown[] = [];
    rows[2] = { a: 1 };
    return rows;
  };

  it.each([
    ['rows that start with holes', result(holes(), { count: 1 }), '3 rows of SELECT where the server sent 1'],
    ['holes that happen to be as many', result(holes(), { count: 3 }), 'no row 0 of 3'],
    ['fewer rows than the server sent', result([{ a: 1 }], { count: 2 }), '1 rows of SELECT'],
    ['a row without a column', result([{ b: 1 }]), 'without the column a'],
    ['rows without an end', result([{ a: 1 }], { command: null }), 'without their end'],
    ['the second of two results', [result([{ a: 1 }]), result([], { count: 1 })], '0 rows of SELECT'],
  ])('include %s', (_, wrong, why) => expect(whyImpossible(query, wrong)?.message).toContain(why));

  it.each([
    ['rows', result([{ a: null }, { a: 0 }])],
    ['rows as lists', result([[null]])],
    ['an empty result', result([])],
    ['a count of rows that were not requested', result([], { command: 'INSERT', count: 3, columns: [] })],
    ['no columns', result([{}, {}], { columns: [] })],
  ])('do not include %s', (_, right) => expect(whyImpossible(query, right)).toBeNull());
});
