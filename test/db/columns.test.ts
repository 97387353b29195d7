import { getColumns, isTable } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { columnsOf, namesOf } from '../../src/db/rows/columns.ts';
import * as tables from '../../src/db/tables/tables.ts';

const snakeCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

it('every column has the name of its key in snake case, by which rows are read', () => {
  const all = Object.values<unknown>(tables).filter(isTable);
  expect(all.length).toBeGreaterThan(15);
  for (const table of all)
    for (const [key, { name }] of Object.entries(getColumns(table))) expect(name).toBe(snakeCase(key));
});

it('a column that its table does not have is refused', () => {
  expect(() => columnsOf(tables.lane, { nothing: () => null })).toThrow('nothing is not a column');
  expect(namesOf(columnsOf(tables.lane, { id: () => null, wakeAt: () => null }), 'lane.')).toBe(
    'lane.id, lane.wake_at',
  );
});
