import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Database, type OpenDatabase, openDatabase } from '../../src/db/client.ts';
import { type HeavyReads, openHeavyReads } from '../../src/db/heavy-reads.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { PATIENT_SESSION } from '../support/database.ts';
import { type BusyApi, type BusyServer, NAME, openBusyApi, PATIENTLY, soon } from './busy-api.ts';

const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';
const REPORT = JSON.stringify({ query: `{ report(${YEAR}) { total { started } } }` });
const RUNS = JSON.stringify({ query: '{ runs { nodes { ended } } }' });

let busy: BusyApi;
let otherKey: string;
const opened: HeavyReads[] = [];
beforeAll(async () => {
  busy = await openBusyApi();
  const other = await createAccount(busy.api.engine.deps, { name: 'other' });
  otherKey = await busy.api.makeKey(SCOPES, other);
});
afterAll(async () => {
  for (const heavy of opened) await heavy.close();
  await busy.close();
});

async function serve(limits: { places: number; waitMs?: number; readWithinMs?: number }) {
  const open = async (options: OpenDatabase): Promise<Database> =>
    openDatabase(busy.api.engine.address, {
      ...options,
      session: { ...options.session, ...PATIENT_SESSION },
    });
  const heavy = await openHeavyReads(open, limits);
  opened.push(heavy);
  return { heavy, server: await busy.serve({}, { heavy }) };
}

const post = (server: BusyServer, body: string, key = busy.api.key) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
  });

/** Blocks all reads of conversations until the returned function is called. */
async function holdUp(): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const holding = inTransaction(busy.api.engine.db.sql, async (sql) => {
    await sql`lock table conversation in access exclusive mode`;
    held.resolve();
    await go.promise;
  });
  await held.promise;
  return async () => {
    go.resolve();
    await holding;
  };
}

describe('heavy requests', () => {
  it('have few places: each account gets at most half, and light requests continue', async () => {
    const { heavy, server } = await serve({ places: 2 });
    const letGo = await holdUp();
    const own = [REPORT, RUNS, REPORT].map((body) => post(server, body));
    await expect.poll(() => heavy.load(), soon).toEqual({ within: 1, waiting: 2 });
    const theirs = post(server, REPORT, otherKey);
    await expect.poll(() => heavy.load(), soon).toEqual({ within: 2, waiting: 2 });
    for (const key of [busy.api.key, otherKey]) expect((await post(server, NAME, key)).status).toBe(200);
    // They take no place of those that light requests wait for.
    expect(server.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
    await letGo();
    for (const response of await Promise.all([...own, theirs])) {
      expect(response.status).toBe(200);
      expect((await response.json()).errors).toBeUndefined();
    }
    expect(heavy.load()).toEqual({ within: 0, waiting: 0 });
  });

  it('are answered with a time to retry if no place becomes free, and nothing was done for them', async () => {
    const { heavy, server } = await serve({ places: 1, waitMs: 200 });
    const letGo = await holdUp();
    const first = post(server, REPORT);
    await expect.poll(() => heavy.load().within, soon).toBe(1);
    const response = await post(server, REPORT);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 5 } }],
    });
    await letGo();
    expect((await first).status).toBe(200);
  });

  it(
    'wait in a bounded queue and are refused at once when it is full',
    async () => {
      const { heavy, server } = await serve({ places: 2, waitMs: PATIENTLY });
      const letGo = await holdUp();
      const asked = Array.from({ length: 30 }, () => post(server, REPORT));
      await expect.poll(() => heavy.load(), soon).toEqual({ within: 1, waiting: 8 });
      let refused = 0;
      for (const each of asked) void each.then(({ status }) => (status === 503 ? refused++ : 0));
      await expect.poll(() => refused, soon).toBe(21);
      const theirs = post(server, REPORT, otherKey);
      await expect.poll(() => heavy.load().within, soon).toBe(2);
      await letGo();
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(9);
      expect(statuses.filter((status) => status === 503)).toHaveLength(21);
      expect((await theirs).status).toBe(200);
    },
    PATIENTLY,
  );

  it('leave the queue when their caller disconnects', async () => {
    const { heavy, server } = await serve({ places: 1 });
    const letGo = await holdUp();
    const first = post(server, REPORT);
    await expect.poll(() => heavy.load().within, soon).toBe(1);
    const stop = new AbortController();
    const gone = busy.post(server, REPORT, stop.signal).catch(() => null);
    await expect.poll(() => heavy.load().waiting, soon).toBe(1);
    stop.abort();
    await gone;
    await expect.poll(() => heavy.load().waiting, soon).toBe(0);
    await letGo();
    expect((await first).status).toBe(200);
  });

  it('start no further statement once their time limit is reached', async () => {
    const { server } = await serve({ places: 1, readWithinMs: 100 });
    expect((await post(server, busy.inbound('somebody'))).status).toBe(200);
    const letGo = await holdUp();
    const query = `{ report(${YEAR}) { total { started } } conversations(first: 1) { nodes { contact { address } } } }`;
    const asked = post(server, JSON.stringify({ query }));
    await new Promise((resolve) => setTimeout(resolve, 400));
    await letGo();
    const { errors } = await (await asked).json();
    expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
  });
});

describe('an account whose requests are all blocked', () => {
  it('leaves half of the places and half of the turns to other accounts', async () => {
    const server = await busy.serve({ requestsAtOnce: 2, requestsWaiting: 4 });
    const letGo = await holdUp();
    const own = Array.from({ length: 6 }, (_, at) => post(server, busy.inbound(`held up ${at}`)));
    await expect.poll(() => server.load(), soon).toEqual({ requests: 1, waiting: 2, subscriptions: 0 });
    expect((await post(server, NAME, otherKey)).status).toBe(200);
    await letGo();
    const statuses = (await Promise.all(own)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 503, 503, 503]);
  });
});
