/** How a batch is split so that other requests get the event loop in between. */
type Portions<Key> = {
  /** The number of rows that a key can return. */
  rowsOf: (key: Key) => number;
  /** Waited for before each portion, except a first one that is small. */
  turn: (rows: number) => Promise<void>;
};

/** Rows that are read by one statement and returned within one turn of the event loop. */
const PORTION_ROWS = 1_000;

type Waiting<Key, Value> = { key: Key; resolve: (value: Value) => void; reject: (error: unknown) => void };
type ReadAll<Key, Value> = (keys: readonly Key[]) => Promise<readonly Value[]>;

/**
 * Makes a loader: keys that are requested in the same turn of the event loop are read by one statement. It caches nothing,
 * because the context of a subscription lives for hours and each of its events needs fresh rows.
 */
export function batched<Key, Value>(
  readAll: ReadAll<Key, Value>,
  { rowsOf, turn }: Portions<Key> = { rowsOf: () => 1, turn: nextTurn },
): (key: Key) => Promise<Value> {
  let waiting: Waiting<Key, Value>[] = [];

  async function read(): Promise<void> {
    const batch = waiting;
    waiting = [];
    for (let from = 0; from < batch.length; ) {
      let [until, rows] = [from, 0];
      while (until < batch.length && rows < PORTION_ROWS)
        rows += rowsOf((batch[until++] as { key: Key }).key);
      const portion = batch.slice(from, until);
      if (from > 0 || rows >= PORTION_ROWS) await turn(rows);
      await settle(readAll, portion);
      from = until;
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(read);
      waiting.push({ key, resolve, reject });
    });
}

async function settle<Key, Value>(
  readAll: ReadAll<Key, Value>,
  batch: readonly Waiting<Key, Value>[],
): Promise<void> {
  try {
    const values = await readAll(batch.map(({ key }) => key));
    for (const [index, { resolve }] of batch.entries()) resolve(values[index] as Value);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Concurrent reads of one loader, and keys of each read. */
const LIMIT = { reads: 3, keys: 1_000 };

/**
 * Makes a loader for reads that callers without a valid key can cause. However many of them wait, only a few reads run at a
 * time; a key that arrives meanwhile waits for a later read. A value is never older than its request.
 */
export function batchedWithLimit<Key, Value>(readAll: ReadAll<Key, Value>): (key: Key) => Promise<Value> {
  const waiting: Waiting<Key, Value>[] = [];
  let running = 0;

  async function read(): Promise<void> {
    if (running >= LIMIT.reads || waiting.length === 0) return;
    running++;
    await settle(readAll, waiting.splice(0, LIMIT.keys));
    running--;
    void read();
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(read);
      waiting.push({ key, resolve, reject });
    });
}

/**
 * Coalesces calls with the same key in one turn of the event loop into one read, which begins after the last of them. It caches
 * nothing, so a value is never older than its request.
 */
export function coalesced<Key, Value>(read: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const waiting = new Map<Key, Promise<Value>>();
  return (key) => {
    const pending = waiting.get(key);
    if (pending !== undefined) return pending;
    const value = nextTurn().then(() => {
      waiting.delete(key);
      return read(key);
    });
    waiting.set(key, value);
    return value;
  };
}

/** Makes a loader of rows by id. An unknown id, and null, give null; each id is read once a batch. */
export function batchedById<Row extends { id: string }>(
  readAll: (ids: readonly string[]) => Promise<readonly Row[]>,
  portions?: Portions<string>,
): (id: string | null) => Promise<Row | null> {
  const load = batched<string, Row | null>(async (ids) => {
    const rows = new Map((await readAll([...new Set(ids)])).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  }, portions);
  return (id) => (id === null ? Promise.resolve(null) : load(id));
}
