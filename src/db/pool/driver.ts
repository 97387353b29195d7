import type { ParsedOptions, Sql } from 'postgres';

/**
 * A statement of postgres.js, as far as Lull looks inside it. None of it is in the driver's types: its version is pinned,
 * and `test/db/driver.test.ts` fails where another has another shape.
 */
export type DriverQuery = PromiseLike<unknown> & {
  /** Is handed the statement once somebody awaits it. It must not throw: that would be an unhandled rejection. */
  handler: (query: DriverQuery) => void;
  canceller: ((query: DriverQuery) => Promise<void>) | null;
  /** The driver calls these when the server has answered. */
  resolve(result: unknown): void;
  reject(error: unknown): void;
  /** Where rows are handed out one by one, they are not in the result. */
  forEachFn?: unknown;
  cursorFn?: unknown;
  onlyDescribe?: boolean;
  /** Says which session runs it, once it has been sent. */
  state: { pid: number; secret: number } | null;
};

/** The driver's options once read, which clients may share: then they share what is known of arrays. */
export type DriverOptions = ParsedOptions<Record<string, never>> & {
  shared: { retries: number; typeArrayMap: Record<number, number> };
  path: string | undefined;
};

/** Whether the driver made a statement, and not a part of one. */
export function isQuery(made: unknown): made is DriverQuery {
  return typeof made === 'object' && made !== null && 'handler' in made && 'canceller' in made;
}

/** What carries out a client's statements. */
export function handlerOf(client: Sql): DriverQuery['handler'] {
  const query: unknown = client.unsafe('');
  if (!isQuery(query)) throw new TypeError('this is not the version of postgres.js that Lull knows');
  return query.handler;
}

/** Who carries out the statements of a `Sql`. */
export type Carrier = Pick<DriverQuery, 'handler'> & { canceller: (query: DriverQuery) => Promise<void> };

/**
 * A `Sql` whose statements the carrier carries out. They are the driver's own, so that they may stand in each other and take
 * its helpers; but neither `begin` nor `reserve` is among them. `template` makes them, and never connects.
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
