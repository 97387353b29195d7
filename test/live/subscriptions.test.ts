import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import type { Engine } from '../../src/app.ts';
import { startHttp } from '../../src/http/server.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { type Api, HTTP_OPTIONS, openApi } from '../http/open-api.ts';
import { openStore, type Store } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { type Listener, subscribe } from '../support/sse.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const COUNT = 1_000;
const A_ROUND = 200;
const ONE =
  'subscription ($id: ID!) { conversationChanged(conversationId: $id) { id status revision contact { address } } }';
const soon = { timeout: 60_000, interval: 50 };
const numbers = Array.from({ length: COUNT }, (_, index) => index);

/** In hundreds: a browser does not open a thousand connections at once either. */
async function inHundreds<Done>(count: number, work: (index: number) => Promise<Done>): Promise<Done[]> {
  const done: Done[] = [];
  for (let from = 0; from < count; from += 100)
    done.push(...(await Promise.all(numbers.slice(from, Math.min(from + 100, count)).map(work))));
  return done;
}

describe('1,000 subscriptions to one API process', () => {
  let store: Store;
  let engine: Engine;
  let tenant: Tenant;
  let service: ServiceProcess;
  let url: string;
  let metrics: string;
  let key: string;

  beforeAll(async () => {
    store = await openStore('postgres');
    engine = await store.engine();
    tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
    const holder = { accountId: tenant.accountId, name: 'test', scopes: SCOPES };
    key = await createApiKey(engine.db, holder, { id: engine.deps.newId(), now: engine.clock.now() });
    const env = { ...store.env, LOG_LEVEL: 'info', LULL_METRICS_PORT: '0', LULL_RATE_LIMIT: '1000000' };
    service = spawnService(env, 'src/cli.ts', 'serve', '--role', 'api');
    url = (await service.running) as string;
    metrics = /"metrics":"([^"]+)"/.exec(service.said())?.[1] as string;
  });
  afterAll(async () => {
    service.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    await store.close();
  });

  async function read(...names: string[]): Promise<number[]> {
    const text = await (await fetch(`${metrics}/metrics`)).text();
    return names.map((name) => {
      const line = text.split('\n').find((each) => each.startsWith(`${name} `));
      return Number(line?.slice(name.length) ?? 0);
    });
  }
  /** What a subscription holds of the process: sockets, timers, and its place. */
  const held = () =>
    read(
      'nodejs_active_resources{type="TCPSocketWrap"}',
      'nodejs_active_resources{type="Timeout"}',
      'lull_subscriptions',
    );
  const connections = async () =>
    (
      await store.sql`select 1 from pg_stat_activity where datname = current_database() and application_name = 'lull'`
    ).length;

  it('each receive the changes of their own conversation only, and release all resources when they disconnect', async () => {
    await tenant.answered(
      numbers.map((index) => `sse ${index}`),
      tenant.in(-60_000),
    );
    const rows = await store.sql<{ id: string; address: string; revision: number }[]>`
      select conversation.id, contact.address, conversation.revision from conversation
      join contact on contact.account_id = conversation.account_id and contact.id = contact_id
      where conversation.account_id = ${tenant.accountId}`;
    expect(rows.length).toBe(COUNT);
    const [socketsBefore = 0, timersBefore = 0] = await held();
    const connectionsBefore = await connections();

    const listeners = await inHundreds(COUNT, (index) =>
      subscribe(url, key, ONE, { id: encodeId('Conversation', rows[index]?.id as string) }),
    );
    expect(new Set(listeners.map(({ status, type }) => `${status} ${type}`))).toEqual(
      new Set(['200 text/event-stream']),
    );
    expect((await held())[2]).toBe(COUNT);

    // Every conversation changes twice, by one call each, through another process.
    const heard = (listener: Listener) => listener.next().then((answer) => answer?.data?.conversationChanged);
    for (const later of [1, 2]) {
      const hearing = Promise.all(listeners.map(heard));
      const activities = rows.map(({ address }) => ({
        target: { channelId: tenant.channelId, address },
        action: { kind: 'INBOUND' } as const,
      }));
      await recordActivities(engine.deps, tenant.accountId, activities);
      expect(await hearing).toEqual(
        rows.map(({ id, address, revision }) => ({
          id: encodeId('Conversation', id),
          status: 'ACTIVE',
          revision: revision + later,
          contact: { address },
        })),
      );
    }
    // A subscriber that received another conversation's change would see it before its own next one.
    expect(await connections()).toBeLessThanOrEqual(connectionsBefore + 22);

    for (const listener of listeners) listener.stop();
    await expect
      .poll(async () => {
        const [sockets = 0, timers = 0, subscriptions] = await held();
        return { subscriptions, sockets: sockets - socketsBefore <= 5, timers: timers - timersBefore <= 20 };
      }, soon)
      .toEqual({ subscriptions: 0, sockets: true, timers: true });
    expect(await connections()).toBeLessThanOrEqual(22 * 2);
  }, 600_000);
});

describe('subscriptions', () => {
  let api: Api;
  beforeAll(async () => {
    api = await openApi();
  });
  afterAll(() => api.close());

  const ALL = 'subscription { conversationChanged { id } }';

  it('leave no memory behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const server = await startHttp(api.deps, { ...HTTP_OPTIONS, requestsPerMinute: 1_000_000 });
    async function round(): Promise<void> {
      const listeners = await inHundreds(A_ROUND, () => subscribe(server.url, api.key, ALL));
      expect(api.subscribers()).toBe(A_ROUND);
      for (const listener of listeners) listener.stop();
      await expect.poll(() => api.subscribers(), soon).toBe(0);
      await expect.poll(() => server.load().subscriptions, soon).toBe(0);
    }
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    await round();
    const before = heap();
    for (let count = 0; count < 4; count++) await round();
    // A subscription that is leaked retains its request: 20 KB and more.
    await expect.poll(() => heap() - before, soon).toBeLessThan(4 * A_ROUND * 2_000);
    await server.close();
  }, 600_000);

  it('are limited by the rows read for each event: an account has few with long feeds, and as many plain ones as before', async () => {
    const server = await startHttp(api.deps, { ...HTTP_OPTIONS, requestsPerMinute: 1_000_000 });
    const otherKey = await api.makeKey(SCOPES, await createAccount(api.engine.deps, { name: 'beside' }));
    const FEEDS = 'subscription { conversationChanged { id feed(first: 200) { nodes { kind } } } }';
    const all = await Promise.all(Array.from({ length: 110 }, () => subscribe(server.url, api.key, FEEDS)));
    const taken = all.filter(({ status }) => status === 200);
    expect(taken.length).toBeGreaterThan(80);
    expect(taken.length).toBeLessThan(100);
    const [refused] = all.filter(({ status }) => status === 429);
    expect((await refused?.next())?.errors).toMatchObject([
      { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS', of: 'ACCOUNT', max: 20_000, limit: 'EVENT_COST' } },
    ]);
    const theirs = await subscribe(server.url, otherKey, FEEDS);
    expect(theirs.status).toBe(200);
    for (const { stop } of [...all, theirs]) stop();
    await expect.poll(() => server.load().subscriptions, soon).toBe(0);
    expect((await subscribe(server.url, api.key, FEEDS)).status).toBe(200);
    await server.close();
  });

  it('are refused if an event costs too much', async () => {
    const dear =
      'subscription { conversationChanged { feed(first: 200) { nodes { conversation { feed(first: 20) { nodes { kind } } } } } } }';
    const refused = await subscribe(api.server.url, api.key, dear);
    expect((await refused.next())?.errors).toMatchObject([
      { extensions: { code: 'TOO_COMPLEX', limit: 'eventCost' } },
    ]);
  });

  it('are limited for an account and for a process: one more is refused, and accepted after another has ended', async () => {
    const limits = { subscriptions: 3, accountSubscriptions: 2 };
    const server = await startHttp(api.deps, { ...HTTP_OPTIONS, ...limits });
    const otherKey = await api.makeKey(SCOPES, await createAccount(api.engine.deps, { name: 'other' }));
    const thirdKey = await api.makeKey(SCOPES, await createAccount(api.engine.deps, { name: 'third' }));
    const first = await subscribe(server.url, api.key, ALL);
    const second = await subscribe(server.url, api.key, ALL);

    const beyond = await subscribe(server.url, api.key, ALL);
    expect([beyond.status, beyond.type, beyond.retryAfter]).toEqual([429, 'text/event-stream', '30']);
    expect((await beyond.next())?.errors).toEqual([
      {
        message: 'an account may have at most 2 subscriptions at a time: end some, or try again later',
        locations: [{ line: 1, column: 16 }],
        path: ['conversationChanged'],
        extensions: { code: 'TOO_MANY_SUBSCRIPTIONS', of: 'ACCOUNT', max: 2, limit: 'SUBSCRIPTIONS' },
      },
    ]);
    expect(await beyond.next()).toBeNull();

    const other = await subscribe(server.url, otherKey, ALL);
    expect(other.status).toBe(200);
    const full = await subscribe(server.url, thirdKey, ALL);
    expect([full.status, full.retryAfter]).toEqual([503, '30']);
    expect((await full.next())?.errors).toMatchObject([
      { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS', of: 'PROCESS', max: 3, limit: 'SUBSCRIPTIONS' } },
    ]);

    first.stop();
    await expect.poll(() => server.load().subscriptions, soon).toBe(2);
    const third = await subscribe(server.url, thirdKey, ALL);
    expect(third.status).toBe(200);
    for (const listener of [second, other, third]) listener.stop();
    await expect.poll(() => server.load().subscriptions, soon).toBe(0);
    await server.close();
  });

  it('hold no place if they could not be opened', async () => {
    const subscribeInVain = () => Promise.reject(new Error('the queue is away'));
    const server = await startHttp(
      { ...api.deps, subscribe: subscribeInVain },
      { ...HTTP_OPTIONS, accountSubscriptions: 1 },
    );
    for (let count = 0; count < 3; count++) {
      const refused = await subscribe(server.url, api.key, ALL);
      expect((await refused.next())?.errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }]);
    }
    expect(server.load().subscriptions).toBe(0);
    await server.close();
  });
});
