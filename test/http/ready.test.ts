import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeProbe } from '../../src/db/rows/heartbeat.ts';
import { type HttpDeps, type HttpServer, startHttp } from '../../src/http/server.ts';
import { type Api, HTTP_OPTIONS, openApi } from './open-api.ts';

let api: Api;
const servers: HttpServer[] = [];
beforeAll(async () => {
  api = await openApi();
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await api.close();
});

async function serve(deps: Partial<HttpDeps> = {}): Promise<HttpServer> {
  const server = await startHttp({ ...api.deps, ...deps }, HTTP_OPTIONS);
  servers.push(server);
  return server;
}
async function ready(server: HttpServer): Promise<[status: number, body: unknown]> {
  const response = await fetch(`${server.url}/ready`);
  return [response.status, await response.json()];
}

describe('/ready', () => {
  it('answers 503 without the database’s error while the database is read-only, and 200 afterwards', async () => {
    const { sql } = api.engine.db;
    const [{ name } = { name: '' }] = await sql<{ name: string }[]>`select current_database() as name`;
    const { openDatabase } = await import('../../src/db/client.ts');
    const readOnly = openDatabase(api.engine.address, { connections: 1 });
    await sql.unsafe(`alter database "${name}" set default_transaction_read_only = on`);
    try {
      const server = await serve({ tryWriting: () => writeProbe(readOnly.sql, api.engine.clock.now()) });
      expect(await ready(server)).toEqual([503, { ready: false, failing: ['writes'] }]);
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await readOnly.sql`set default_transaction_read_only = off`;
      await expect
        .poll(() => ready(server), { timeout: 60_000 })
        .toEqual([200, { ready: true, failing: [] }]);
    } finally {
      await sql.unsafe(`alter database "${name}" reset default_transaction_read_only`);
      await readOnly.close();
    }
    expect(api.logged()).toContain('the database takes no writes');
  });

  it('answers 503 if the test write does not finish in time', async () => {
    const server = await serve({ tryWriting: () => new Promise(() => {}) });
    expect(await ready(server)).toEqual([503, { ready: false, failing: ['writes'] }]);
  });

  it('checks the database rarely, however often it is requested', async () => {
    let writes = 0;
    let reads = 0;
    const server = await serve({
      async tryWriting() {
        writes++;
        await writeProbe(api.engine.db.sql, api.engine.clock.now());
      },
      async isMigrated() {
        reads++;
        return await api.deps.isMigrated();
      },
    });
    await Promise.all(Array.from({ length: 300 }, () => ready(server)));
    expect(writes).toBeLessThan(30);
    expect(reads).toBeLessThan(300);
  });
});

describe('every answer', () => {
  it.each([
    ['/health', 'GET', 200],
    ['/ready', 'GET', 200],
    ['/nothing', 'GET', 404],
    ['/graphql', 'GET', 401],
    ['/graphql', 'PUT', 405],
    ['/webhooks/a/b', 'POST', 404],
  ])('of %s to %s forbids caching and guessing of its type', async (path, method, status) => {
    const response = await fetch(`${api.server.url}${path}`, { method });
    expect([
      response.status,
      response.headers.get('cache-control'),
      response.headers.get('x-content-type-options'),
    ]).toEqual([status, 'no-store', 'nosniff']);
  });

  it.each(['application/json', 'text/event-stream', 'application/graphql-response+json'])(
    'to an authenticated request for %s forbids caching and guessing of its type',
    async (accept) => {
      const isStream = accept === 'text/event-stream';
      const stop = new AbortController();
      const query = isStream ? 'subscription { conversationChanged { id } }' : '{ account { name } }';
      const response = await fetch(`${api.server.url}/graphql`, {
        method: 'POST',
        signal: stop.signal,
        headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${api.key}` },
        body: JSON.stringify({ query }),
      });
      expect([
        response.status,
        response.headers.get('cache-control'),
        response.headers.get('x-content-type-options'),
      ]).toEqual([200, 'no-store', 'nosniff']);
      stop.abort();
      await response.text().catch(() => {});
    },
  );
});
