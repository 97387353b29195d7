/** A column of a many-row write: its name and type in SQL, and its value for a row. */
export type Column<Row> = { name: string; type: ColumnType; of: (row: Row) => unknown };
export type ColumnType = keyof typeof ENCODINGS;

/** How a value goes: the type of the array's elements, their text, and what makes the column's type of them. */
type Encoding = { as: string; write: (value: never) => string; read: (name: string) => string };
const asIs = (name: string) => name;

/** Instants go as milliseconds: both sides are many times faster with numbers than with ISO texts. */
const ENCODINGS = {
  uuid: { as: 'uuid', write: (id: string) => id, read: asIs },
  text: { as: 'text', write: quoted, read: asIs },
  int: { as: 'int', write: String, read: asIs },
  bigint: { as: 'bigint', write: String, read: asIs },
  bool: { as: 'bool', write: (flag: boolean) => (flag ? 't' : 'f'), read: asIs },
  timestamptz: {
    as: 'float8',
    write: (instant: Date) => String(instant.getTime()),
    read: (name) => `to_timestamp(${name} / 1000)`,
  },
  jsonb: { as: 'text', write: (value) => quoted(JSON.stringify(value)), read: (name) => `${name}::jsonb` },
  'text[]': {
    as: 'text',
    write: (items: string[]) => quoted(`{${items.map(quoted).join(',')}}`),
    read: (name) => `${name}::text[]`,
  },
} as const satisfies Record<string, Encoding>;

/** `select a, b, … from unnest($n, …)`, one parameter a column whatever the number of rows. */
export function unnest<Row>(columns: readonly Column<Row>[], firstParameter: number): string {
  const names = columns.map(({ name }) => name);
  const parameters = columns.map(({ type }, index) => `$${firstParameter + index}::${ENCODINGS[type].as}[]`);
  const reads = columns.map(({ name, type }) => `${ENCODINGS[type].read(name)} as ${name}`);
  return `select ${reads.join(', ')} from unnest(${parameters.join(', ')}) as rows (${names.join(', ')})`;
}

/** The parameters for `unnest`, column by column: array literals, which the client passes on as they are. */
export function valuesOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return columns.map(({ type, of }) => {
    const { write }: Encoding = ENCODINGS[type];
    const items = rows.map((row) => {
      const value = of(row);
      return value === null || value === undefined ? 'null' : write(value as never);
    });
    return `{${items.join(',')}}`;
  });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
