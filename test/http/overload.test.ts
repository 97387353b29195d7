import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pgPoolConfig } from '../../src/db/address.ts';
import { openDatabase } from '../../src/db/client.ts';
import type { DatabaseGauges } from '../../src/db/gauges.ts';
import { watchEventLoop } from '../../src/http/event-loop.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { openDoor, type Refusal } from '../../src/http/overload.ts';
import { type HttpDeps, type HttpServer, startHttp } from '../../src/http.ts';
import { createLog } from '../../src/log.ts';
import { openAccess } from '../../src/schema/access.ts';
import { openGate } from '../jobs/store.ts';
import { HTTP_OPTIONS, RECORD } from './open-api.ts';
import { openWebhookApi, type Webhooks } from './webhook-calls.ts';

type Serving = HttpServer & { refused: Refusal[] };
type Options = Partial<Parameters<typeof startHttp>[1]>;

const soon = { timeout: 20_000, interval: 20 };
/** For what takes two thousand requests, or a database that comes and goes, on a machine that has more to do. */
const PATIENTLY = 120_000;
const NAME = JSON.stringify({ query: '{ account { name } }' });

let world: Webhooks;
const servers: HttpServer[] = [];
beforeAll(async () => {
  world = await openWebhookApi();
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await world.api.close();
});

/** A server on the same database that takes on so much; nobody has asked as often as to be refused for that. */
async function serve(options: Options, deps: Partial<HttpDeps> = {}): Promise<Serving> {
  const refused: Refusal[] = [];
  const all = { ...world.api.deps, refused: (why: Refusal) => void refused.push(why), ...deps };
  // How busy this machine is otherwise is not what most of these tests are about.
  const roomy = { requestsPerMinute: 1_000_000, maxDelayMs: 60_000 };
  const server = await startHttp(all, { ...HTTP_OPTIONS, ...roomy, ...options });
  servers.push(server);
  return { ...server, refused };
}
const post = (server: HttpServer, body: string, signal?: AbortSignal) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.api.key}` },
    body,
    ...(signal && { signal }),
  });
const inbound = (address: string) =>
  JSON.stringify({
    query: RECORD,
    variables: { input: { activities: [{ kind: 'INBOUND', channelId: world.api.channel, address }] } },
  });
/** The addresses with that beginning that a conversation has been begun for. */
async function applied(prefix: string): Promise<string[]> {
  const rows = await world.api.engine.db.sql<{ address: string }[]>`
    select address from conversation join contact on contact.account_id = conversation.account_id and contact.id = contact_id
    where conversation.account_id = ${world.api.engine.accountId} and starts_with(address, ${prefix})`;
  return rows.map(({ address }) => address).sort();
}
/** Holds up everybody who shows a key until the returned function is called. */
async function holdUp(): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const holding = world.api.engine.db.sql.begin(async (sql) => {
    await sql`lock table api_key in access exclusive mode`;
    held.resolve();
    await go.promise;
  });
  await held.promise;
  return async () => {
    go.resolve();
    await holding;
  };
}
/** What a refused request is answered, checked in every part. */
async function expectBusy(response: Response): Promise<void> {
  const seconds = Number(response.headers.get('retry-after'));
  expect([response.status, Number.isInteger(seconds), seconds >= 1 && seconds <= 5]).toEqual([
    503,
    true,
    true,
  ]);
  expect(await response.json()).toEqual({
    errors: [
      {
        message: `too much to do just now; nothing was done: try again in ${seconds} s`,
        extensions: { code: 'UNAVAILABLE', retryAfterSeconds: seconds },
      },
    ],
  });
}

describe('more requests than a process takes on', () => {
  it(
    '2,000 calls, 500 at a time: each is carried out or answered 503 with Retry-After, and no 503 has changed anything',
    async () => {
      const server = await serve({ requestsAtOnce: 4, requestsWaiting: 100 });
      const done: string[] = [];
      let busy = 0;
      const call = async (address: string) => {
        const response = await post(server, inbound(address));
        if (response.status !== 200) {
          busy++;
          return await expectBusy(response);
        }
        const { data } = (await response.json()) as { data: { recordActivities: { results: object[] } } };
        expect(data.recordActivities.results).toMatchObject([{ outcome: 'APPLIED', error: null }]);
        done.push(address);
      };
      const callers = Array.from({ length: 500 }, async (_, caller) => {
        for (const time of [1, 2, 3, 4]) await call(`burst ${caller} ${time}`);
      });
      const probed = await Promise.all(['/health', '/ready'].map((path) => fetch(`${server.url}${path}`)));
      expect(probed.map(({ status }) => status)).toEqual([200, 200]);
      await Promise.all(callers);

      expect(await applied('burst ')).toEqual(done.sort());
      expect(done.length).toBeGreaterThanOrEqual(104);
      expect(busy).toBeGreaterThan(0);
      expect(server.refused.length).toBe(busy);
      expect((await post(server, NAME)).status).toBe(200);
      expect(server.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
    },
    PATIENTLY,
  );

  it(
    'calls of providers alike: 503 has recorded nothing, and the same call is taken afterwards',
    async () => {
      const server = await serve({ requestsAtOnce: 2, requestsWaiting: 20 });
      const path = world.pathOf(world.channels.web);
      const call = (index: number) =>
        world.call(path, world.wire([world.message(`hook ${index}`, `hook ${index}`)]), server.url);
      const answers = await Promise.all(Array.from({ length: 400 }, (_, index) => call(index)));
      const taken = answers.flatMap(({ status }, index) => (status === 200 ? [`hook ${index}`] : []));
      const turnedAway = answers.findIndex(({ status }) => status === 503);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
      await expectBusy(answers[turnedAway] as Response);
      expect(await applied('hook ')).toEqual(taken.sort());
      expect((await call(turnedAway)).status).toBe(200);
      expect(await applied('hook ')).toContain(`hook ${turnedAway}`);
    },
    PATIENTLY,
  );

  it('those who wait get their turn, and those for whom it takes too long are told so', async () => {
    const server = await serve({ requestsAtOnce: 1, requestsWaiting: 2, waitMs: 300 });
    const patientServer = await serve({ requestsAtOnce: 1, requestsWaiting: 2, waitMs: PATIENTLY });
    const letGo = await holdUp();
    const first = post(server, NAME);
    await expect.poll(() => server.load().requests, soon).toBe(1);
    const late = await Promise.all([post(server, NAME), post(server, NAME), post(server, NAME)]);
    for (const response of late) await expectBusy(response);
    expect(server.refused.sort()).toEqual(['full', 'waited', 'waited']);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const patient = [post(patientServer, NAME), post(patientServer, NAME)];
    await expect.poll(() => patientServer.load().waiting, soon).toBe(1);
    await letGo();
    const statuses = (await Promise.all([first, ...patient])).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200]);
    for (const each of [server, patientServer])
      expect(each.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });

  it('a call that takes too long is answered 504, and keeps its place until its work has ended', async () => {
    const server = await serve({ requestsAtOnce: 2, answerWithinMs: 200 });
    const letGo = await holdUp();
    const [asked, called] = await Promise.all([
      post(server, inbound('too long')),
      post(server, inbound('too long too')),
    ]);
    for (const response of [asked, called]) {
      expect(response.status).toBe(504);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'TIMEOUT' } }] });
    }
    expect(server.load().requests).toBe(2);
    await letGo();
    await expect.poll(() => server.load().requests, soon).toBe(0);
    expect((await post(server, NAME)).status).toBe(200);
  });
});

describe('who keeps nobody from their turn', () => {
  it('a caller who sends slowly, to either way in', async () => {
    const server = await serve({ requestsAtOnce: 1, requestsWaiting: 0 });
    const { port } = new URL(server.url);
    const slow = ['/graphql', world.pathOf(world.channels.web)].map((path) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${world.api.key}\r\ncontent-type: application/json`;
      socket.write(`${head}\r\ncontent-length: 100000\r\n\r\n{`);
      return socket;
    });
    // Each holds the one place for as long as it takes to see who it is.
    await expect.poll(async () => (await post(server, NAME)).status, soon).toBe(200);
    await expect.poll(async () => (await post(server, NAME)).status, soon).toBe(200);
    for (const socket of slow) socket.destroy();
    await expect.poll(() => server.load(), soon).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });

  it('a subscription, however long it lasts', async () => {
    const server = await serve({ requestsAtOnce: 1, requestsWaiting: 0 });
    const stop = new AbortController();
    const subscription = await post(
      server,
      JSON.stringify({ query: 'subscription { conversationChanged { id } }' }),
      stop.signal,
    );
    expect(subscription.headers.get('content-type')).toContain('text/event-stream');
    expect(server.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 1 });
    expect((await post(server, NAME)).status).toBe(200);
    stop.abort();
    await expect.poll(() => server.load().subscriptions, soon).toBe(0);
  });

  it('callers who hang up, while they wait and while they are served', async () => {
    const server = await serve({ requestsAtOnce: 8, requestsWaiting: 100 });
    const letGo = await holdUp();
    const stop = new AbortController();
    const calls = Array.from({ length: 60 }, (_, index) =>
      post(server, inbound(`gone ${index}`), stop.signal),
    );
    await expect.poll(() => server.load(), soon).toEqual({ requests: 8, waiting: 52, subscriptions: 0 });
    stop.abort();
    await Promise.allSettled(calls);
    await expect.poll(() => server.load().waiting, soon).toBe(0);
    await letGo();
    await expect.poll(() => server.load().requests, soon).toBe(0);
    expect((await post(server, NAME)).status).toBe(200);
    expect(server.refused).toEqual([]);
  });

  it('callers who hang up over a long answer', async () => {
    const server = await serve({ requestsAtOnce: 4, requestsWaiting: 0 });
    const { port } = new URL(server.url);
    const body = JSON.stringify({
      query: '{ __schema { types { name description fields { name description } } } }',
    });
    for (let index = 0; index < 12; index++) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${world.api.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await once(socket, 'readable');
      socket.destroy();
    }
    await expect.poll(() => server.load(), soon).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });
});

describe('the event loop', () => {
  /** Keeps the process busy for so long, with a look at everything else in between. */
  async function beBusy(forMs: number, taskMs: number): Promise<void> {
    for (const end = performance.now() + forMs; performance.now() < end; ) {
      for (const taskEnd = performance.now() + taskMs; performance.now() < taskEnd; );
      await nextTurn();
    }
  }

  it(
    'a process that is behind with everything refuses work, answers probes, and is back as soon as it can',
    async () => {
      const server = await serve({ maxDelayMs: 50 });
      const asked: Promise<Response>[] = [];
      // More and more is asked, until it has been behind for long enough.
      for (let count = 0; count < 200 && server.refused.length === 0; count++) {
        asked.push(post(server, NAME));
        await beBusy(200, 200);
      }
      const probe = fetch(`${server.url}/health`);
      const shed = (await Promise.all(asked)).filter(({ status }) => status === 503);
      expect(shed.length).toBeGreaterThan(0);
      await expectBusy(shed[0] as Response);
      expect(new Set(server.refused)).toEqual(new Set(['event_loop']));
      expect((await probe).status).toBe(200);
      await expect.poll(async () => (await post(server, NAME)).status, soon).toBe(200);
    },
    PATIENTLY,
  );

  it('one long task is no overload', async () => {
    const watch = watchEventLoop();
    await sleep(600);
    await beBusy(2_000, 2_000);
    await sleep(50);
    expect(watch.delayMs()).toBeLessThan(500);
    watch.stop();
  });
});

describe('metrics', () => {
  it('tell why requests were refused, and what a process is busy with', async () => {
    const metrics = createMetrics({
      clock: { ...world.api.engine.clock, offsetMs: () => 0 },
      readDatabase: () => Promise.reject<DatabaseGauges>(new Error('away')),
      readQueue: async () => [],
      log: createLog({ logLevel: 'silent' }),
    });
    const server = await serve({ requestsAtOnce: 1, requestsWaiting: 1, waitMs: 60_000 }, metrics);
    metrics.serving(server.load);
    const letGo = await holdUp();
    const [working, waiting] = [post(server, NAME), post(server, NAME)];
    await expect.poll(() => server.load(), soon).toEqual({ requests: 1, waiting: 1, subscriptions: 0 });
    await expectBusy(await post(server, NAME));
    const { text } = await metrics.scrape();
    for (const line of [
      'lull_http_refused_total{reason="full"} 1',
      'lull_http_refused_total{reason="waited"} 0',
      'lull_http_requests{state="working"} 1',
      'lull_http_requests{state="waiting"} 1',
      'lull_subscriptions 0',
    ])
      expect(text).toContain(`${line}\n`);
    await letGo();
    expect([(await working).status, (await waiting).status]).toEqual([200, 200]);
  });
});

describe('the door', () => {
  it('keeps 256 MB of requests at most', () => {
    const door = openDoor({ requestsAtOnce: 1, requestsWaiting: 0, maxDelayMs: 500 });
    const most = 256 * 1024 * 1024;
    expect([door.keep(most - 1), door.keep(1), door.keep(1)]).toEqual([true, true, false]);
    door.keep(-1);
    expect([door.keep(2), door.keep(1)]).toEqual([false, true]);
    door.close();
  });
});

describe('a database that is away', () => {
  /** The API on a way to the database that can be cut. */
  async function throughGate(options: Options) {
    const { address, clock, deps } = world.api.engine;
    const { host, port, user, password, database } = pgPoolConfig(address);
    const gate = await openGate(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    const db = openDatabase({ url: `postgres://${user}${secret}@127.0.0.1:${gate.port}/${database}` });
    const identify = openAccess({ db, clock }, null);
    const server = await serve(options, { ...deps, db, identify });
    const close = async () => {
      await server.close();
      await db.close();
      await gate.shut();
    };
    return { gate, server, close };
  }

  it(
    'calls are answered 503 with Retry-After within seconds, and taken again as soon as it is back',
    async () => {
      const { gate, server, close } = await throughGate({});
      expect((await post(server, NAME)).status).toBe(200);
      await gate.shut();
      const path = world.pathOf(world.channels.web);
      const calls = Array.from({ length: 300 }, (_, index) =>
        index % 3 === 0
          ? world.call(path, world.wire([world.message(`away ${index}`, `away ${index}`)]), server.url)
          : post(server, inbound(`away ${index}`)),
      );
      for (const response of await Promise.all(calls)) {
        expect(response.status).toBe(503);
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
      }
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await gate.open();
      await expect.poll(async () => (await post(server, NAME)).status, soon).toBe(200);
      expect(await applied('away ')).toEqual([]);
      expect((await post(server, inbound('back'))).status).toBe(200);
      expect(await applied('back')).toEqual(['back']);
      await close();
    },
    PATIENTLY,
  );

  it('one that goes while a query is carried out is no fault of ours, and no secret is told', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED db.internal:5432'), { code: 'ECONNREFUSED' });
    const sql = Object.assign(() => Promise.reject(away), { unsafe: () => Promise.reject(away) });
    const { deps } = world.api;
    const server = await serve({}, { db: { ...deps.db, sql } as never });
    const response = await post(server, NAME);
    const text = await response.text();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    expect(text).not.toContain('db.internal');
  });
});
