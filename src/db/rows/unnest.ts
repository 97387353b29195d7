/** A column of a many-row write: its name and type in SQL, and its value for a row. */
export type Column<Row> = { name: string; type: ColumnType; of: (row: Row) => unknown };
export type ColumnType = keyof typeof ENCODINGS;

/** How a value goes: the type of the parameter, or of its array's elements, its text, whether an array quotes it, and what makes the column's type of it. */
type Encoding = {
  as: string;
  write: (value: never) => string;
  quotes: boolean;
  read: (name: string) => string;
};
const asIs = (name: string) => name;

/** Instants go as milliseconds: both sides are many times faster with numbers than with ISO texts. */
const ENCODINGS = {
  uuid: { as: 'uuid', write: String, quotes: false, read: asIs },
  text: { as: 'text', write: String, quotes: true, read: asIs },
  int: { as: 'int', write: String, quotes: false, read: asIs },
  bigint: { as: 'bigint', write: String, quotes: false, read: asIs },
  bool: { as: 'bool', write: (flag: boolean) => (flag ? 't' : 'f'), quotes: false, read: asIs },
  timestamptz: {
    as: 'float8',
    write: (instant: Date) => String(instant.getTime()),
    quotes: false,
    read: (name) => `to_timestamp(${name} / 1000)`,
  },
  jsonb: { as: 'text', write: JSON.stringify, quotes: true, read: (name) => `${name}::jsonb` },
  'text[]': {
    as: 'text',
    write: (items: string[]) => `{${items.map(quoted).join(',')}}`,
    quotes: true,
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
    const { write, quotes }: Encoding = ENCODINGS[type];
    const items = rows.map((row) => {
      const value = of(row);
      if (value === null || value === undefined) return 'null';
      return quotes ? quoted(write(value as never)) : write(value as never);
    });
    return `{${items.join(',')}}`;
  });
}

/**
 * `select $n as a, $m as b, …`: the same for one row. A plan for arrays is made for ten elements; the plan made for
 * one array of one element is cheaper, so that Postgres would plan each time anew.
 */
export function single<Row>(columns: readonly Column<Row>[], firstParameter: number): string {
  const parameters = columns.map(({ name, type }, index) => {
    const { as, read }: Encoding = ENCODINGS[type];
    // Of a text for a bool the client makes false.
    const parameter = `$${firstParameter + index}::${as === 'bool' ? 'text::bool' : as}`;
    return `${read(parameter)} as ${name}`;
  });
  return `select ${parameters.join(', ')}`;
}

/** The parameters for `single`. */
export function valuesOfOne<Row>(columns: readonly Column<Row>[], row: Row): (string | null)[] {
  return columns.map(({ type, of }) => {
    const value = of(row);
    return value === null || value === undefined ? null : (ENCODINGS[type] as Encoding).write(value as never);
  });
}

function quoted(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}
