import { getColumns, type InferInsertModel, type InferSelectModel } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Column, ColumnType } from './unnest.ts';

/** The value of each column of a table for a row to write. Omitting a column outside of `Omitted` does not compile. */
export type ValuesOf<Table extends PgTable, Row, Omitted extends string = 'accountId'> = {
  readonly [Key in Exclude<keyof InferInsertModel<Table>, Omitted>]-?: (
    row: Row,
  ) => Readonly<InferInsertModel<Table>[Key]>;
};

/** How many-row writes encode the types of columns, by the types' names in SQL. */
const TYPES: Readonly<Record<string, ColumnType>> = {
  uuid: 'uuid',
  text: 'text',
  'text[]': 'text[]',
  jsonb: 'jsonb',
  smallint: 'int',
  integer: 'int',
  bigint: 'bigint',
  boolean: 'bool',
  'timestamp (3) with time zone': 'timestamptz',
};

/** A column of a table, in a many-row write. */
type TableColumn<Row> = Column<Row> & { isNullable: boolean };

/** The columns of a many-row write, in the order of `values`; their names and types are the table's. */
export function columnsOf<Row>(
  table: PgTable,
  values: { readonly [key: string]: (row: Row) => unknown },
): TableColumn<Row>[] {
  const columns = getColumns(table);
  return Object.entries(values).map(([key, of]) => {
    const column = columns[key] as PgColumn | undefined;
    if (column === undefined) throw new TypeError(`${key} is not a column of this table`);
    const sqlType = column.getSQLType() + '[]'.repeat(column.dimensions);
    const type = TYPES[sqlType];
    if (type === undefined) throw new TypeError(`${column.name}: no encoding for columns of type ${sqlType}`);
    return { name: column.name, type, of, isNullable: !column.notNull };
  });
}

/**
 * The columns of a table, except `omitted`, for rows that have them under the same keys. The functions of `columnsOf` read
 * one row in half the time, so statements that write one conversation for each message use that.
 */
export function columnsExcept<Table extends PgTable, Omitted extends keyof InferSelectModel<Table> & string>(
  table: Table,
  omitted: readonly Omitted[],
): TableColumn<Readonly<Omit<InferSelectModel<Table>, Omitted>>>[] {
  const keys = Object.keys(getColumns<PgTable>(table)).filter((key) => !omitted.includes(key as Omitted));
  return columnsOf(
    table,
    Object.fromEntries(keys.map((key) => [key, (row: Readonly<Record<string, unknown>>) => row[key]])),
  ) as never;
}

type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : Name;

/** A row as the driver reads it, by the columns' own names. It reads a bigint as text, which `Number` turns into one. */
type RowOf<Table extends PgTable> = {
  readonly [Key in keyof InferSelectModel<Table> & string as SnakeCase<Key>]: InferSelectModel<Table>[Key];
};

/** Gives the driver's untyped rows the types of the table that they are read from. */
export function readerOf<Table extends PgTable, Read>(_table: Table, read: (row: RowOf<Table>) => Read) {
  return read as (row: Readonly<Record<string, unknown>>) => Read;
}

/** `a = rows.a, b = rows.b, …`, which sets columns to the values of a many-row write. */
export function assignmentsOf(columns: readonly Column<never>[]): string {
  return columns.map(({ name }) => `${name} = rows.${name}`).join(', ');
}

/** `a, b, …`, each with the prefix. */
export function namesOf(columns: readonly Column<never>[], prefix = ''): string {
  return columns.map(({ name }) => prefix + name).join(', ');
}
