/** A column of a many-row write: its name and type in SQL, and its value for a row. */
export type Column<Row> = { name: string; type: ColumnType; of: (row: Row) => unknown };
export type ColumnType = keyof typeof ENCODINGS;

/** How a value is passed to the database. */
type Encoding = {
  /** The type of the parameter, or of the elements of its array. */
  as: string;
  write: (value: never) => string;
  /** Whether an array quotes the text that `write` returns. */
  quotes: boolean;
  /** Converts the parameter to the type of the column. */
  read: (name: string) => string;
};
const asIs = (name: string) => name;

/** Instants are passed in milliseconds: numbers are many times faster than ISO texts, here and in Postgres. */
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

/** `select a, b, … from unnest($n, …)`: one parameter for each column, however many rows there are. */
export function unnest<Row>(columns: readonly Column<Row>[], firstParameter: number): string {
  const names = columns.map(({ name }) => name);
  const parameters = columns.map(({ type }, index) => `$${firstParameter + index}::${ENCODINGS[type].as}[]`);
  const reads = columns.map(({ name, type }) => `${ENCODINGS[type].read(name)} as ${name}`);
  return `select ${reads.join(', ')} from unnest(${parameters.join(', ')}) as rows (${names.join(', ')})`;
}

/** The parameters for `unnest`: an array literal for each column, which the driver passes on unchanged. */
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
 * `select $n as a, $m as b, …`: the same for one row. Postgres assumes ten elements in a generic plan for arrays, so it
 * would find a custom plan for one row cheaper each time, and plan anew.
 */
export function single<Row>(columns: readonly Column<Row>[], firstParameter: number): string {
  const parameters = columns.map(({ name, type }, index) => {
    const { as, read }: Encoding = ENCODINGS[type];
    // The driver turns a text for a bool parameter into false.
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
