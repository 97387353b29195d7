import type { ParsedOptions, Sql } from 'postgres';

/**
 * The parts of a postgres.js statement that Lull uses. The driver's types lack them, so its version is pinned, and
 * `test/db/driver.test.ts` fails if another version has another shape.
 */
export type DriverQuery = PromiseLike<unknown> & {
  /** Called with the statement once it is awaited. It must not throw: that would be an unhandled rejection. */
  handler: (query: DriverQuery) => void;
  canceller: ((query: DriverQuery) => Promise<void>) | null;
  /** The driver calls one of these when the server has answered. */
  resolve(result: unknown): void;
  reject(error: unknown): void;
  /** With either of these the result lacks the rows, which are passed one by one. */
  forEachFn?: unknown;
  cursorFn?: unknown;
  onlyDescribe?: boolean;
  /** The session that runs it, once it has been sent. */
  state: { pid: number; secret: number } | null;
};

/** The driver's parsed options. Clients that share them share the known array types. */
export type DriverOptions = ParsedOptions<Record<string, never>> & {
  shared: { retries: number; typeArrayMap: Record<number, number> };
  path: string | undefined;
};

/** Whether the driver made a statement, and not a fragment. */
export function isQuery(made: unknown): made is DriverQuery {
  return typeof made === 'object' && made !== null && 'handler' in made && 'canceller' in made;
}

/** The function that carries out a client's statements. */
export function handlerOf(client: Sql): DriverQuery['handler'] {
  const query: unknown = client.unsafe('');
  if (!isQuery(query)) throw new TypeError('this is not the version of postgres.js that Lull knows');
  return query.handler;
}

/** The functions that carry out and cancel the statements of a `Sql`. */
export type Carrier = Pick<DriverQuery, 'handler'> & { canceller: (query: DriverQuery) => Promise<void> };

/**
 * A `Sql` whose statements the carrier carries out. The driver makes them, so fragments and its helpers work; `begin` and
 * `reserve` are left out. `template` makes them, and never connects.
 */
export function statementsOf(template: Sql, carrier: Carrier): Sql {
  const claim = <Made>(made: Made): Made => {
    if (isQuery(made)) {
      made.handler = carrier.handler;
      made.canceller = carrier.canceller;
    }
    return made;
  };
  const make = template as (...given: unknown[]) => unknown;
  const unsafe = template.unsafe as (...given: unknown[]) => unknown;
  const sql = (...given: unknown[]) => claim(make(...given));
  const { json, array, typed, types, options, PostgresError } = template;
  return Object.assign(sql, {
    unsafe: (...given: unknown[]) => claim(unsafe(...given)),
    ...{ json, array, typed, types, options, PostgresError },
  }) as unknown as Sql;
}
