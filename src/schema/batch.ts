/**
 * Makes a function that gathers what is asked for during one turn of the event loop and reads it all in one go,
 * so that a page of any length costs one statement. It remembers nothing: a subscription's context lives for
 * hours, and each of its events has to be read anew.
 */
export function batched<Key, Value>(
  readAll: (keys: readonly Key[]) => Promise<readonly Value[]>,
): (key: Key) => Promise<Value> {
  type Asked = { key: Key; resolve: (value: Value) => void; reject: (error: unknown) => void };
  let waiting: Asked[] = [];

  async function read(): Promise<void> {
    const asked = waiting;
    waiting = [];
    try {
      const values = await readAll(asked.map(({ key }) => key));
      for (const [index, { resolve }] of asked.entries()) resolve(values[index] as Value);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(read);
      waiting.push({ key, resolve, reject });
    });
}

/** So many reads of one kind are under way at a time, for so many keys each, where anybody may ask for them. */
const GATHERED = { reads: 3, keys: 1_000 };

/**
 * The same as `batched` for what anybody may ask, with a key or without: however many ask, a few reads are under way at
 * a time, and those who come meanwhile wait for the next one. What it says is never older than the question.
 */
export function gathered<Key, Value>(
  readAll: (keys: readonly Key[]) => Promise<readonly Value[]>,
): (key: Key) => Promise<Value> {
  type Asked = { key: Key; resolve: (value: Value) => void; reject: (error: unknown) => void };
  const waiting: Asked[] = [];
  let underWay = 0;

  async function read(): Promise<void> {
    if (underWay >= GATHERED.reads || waiting.length === 0) return;
    const asked = waiting.splice(0, GATHERED.keys);
    underWay++;
    try {
      const values = await readAll(asked.map(({ key }) => key));
      for (const [index, { resolve }] of asked.entries()) resolve(values[index] as Value);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      underWay--;
      void read();
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(read);
      waiting.push({ key, resolve, reject });
    });
}

/**
 * Makes a function that reads once for all who ask the same during one turn of the event loop. It remembers nothing, and
 * begins only once the last of them has asked: what it says is never older than the question.
 */
export function shared<Key, Value>(read: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const waiting = new Map<Key, Promise<Value>>();
  return (key) => {
    const known = waiting.get(key);
    if (known !== undefined) return known;
    const value = new Promise((resolve) => setImmediate(resolve)).then(() => {
      waiting.delete(key);
      return read(key);
    });
    waiting.set(key, value);
    return value;
  };
}

/** The same as `batched` for rows by id; null for an id that is not found, and for none. */
export function batchedById<Row extends { id: string }>(
  readAll: (ids: readonly string[]) => Promise<readonly Row[]>,
): (id: string | null) => Promise<Row | null> {
  const load = batched<string, Row | null>(async (ids) => {
    const rows = new Map((await readAll([...new Set(ids)])).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  });
  return (id) => (id === null ? Promise.resolve(null) : load(id));
}
