import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey } from '../../src/accounts/api-keys.ts';
import { InvalidInputError, SetupError } from '../../src/domain/errors.ts';
import { startHttp } from '../../src/http/server.ts';
import { type Api, HTTP_OPTIONS, openApi } from './open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const NAME = JSON.stringify({ query: '{ account { name } }' });
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${api.server.url}${path}`, { headers });

describe('keys', () => {
  it('a valid key is let in, by POST and by GET', async () => {
    const byPost = await api.post(NAME);
    expect(byPost.status).toBe(200);
    expect(await byPost.json()).toEqual({ data: { account: { name: 'test' } } });
    const byGet = await get(`/graphql?query=${encodeURIComponent('{account{name}}')}`, {
      authorization: `Bearer ${api.key}`,
    });
    expect(await byGet.json()).toEqual({ data: { account: { name: 'test' } } });
  });

  it('a missing, malformed, unknown or wrong key is answered 401 with UNAUTHENTICATED', async () => {
    const [lull, account, id, secret = ''] = api.key.split('_');
    const wrongSecret = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`;
    const bad = [
      '',
      'Bearer',
      'Bearer x',
      `Basic ${api.key}`,
      `Bearer ${api.key}0`,
      `Bearer ${[lull, account, id, wrongSecret].join('_')}`,
      `Bearer ${[lull, account, account, secret].join('_')}`,
      `Bearer ${[lull, id, id, secret].join('_')}`,
      `Bearer ${api.key}' or '1'='1`,
    ];
    for (const authorization of bad) {
      const response = await api.post(NAME, { authorization });
      expect(response.status, authorization).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    }
  });

  it('a revoked key is refused from the next request on', async () => {
    const key = await api.makeKey(['conversations:read']);
    expect((await api.post(NAME, { authorization: `Bearer ${key}` })).status).toBe(200);
    await api.engine.db.sql`update api_key set revoked_at = ${api.engine.clock.now()}
      where replace(id::text, '-', '') = ${key.split('_')[2] ?? ''}`;
    expect((await api.post(NAME, { authorization: `Bearer ${key}` })).status).toBe(401);
  });

  it('only a hash of a key is kept, and an unknown scope is refused', async () => {
    const rows = await api.engine.db.sql`select * from api_key`;
    expect(JSON.stringify(rows)).not.toContain(api.key.split('_')[3]);
    const { db, accountId, deps, clock } = api.engine;
    const made = createApiKey(
      db,
      { accountId, name: 'x', scopes: ['conversations:read', 'all'] },
      { id: deps.newId(), now: clock.now() },
    );
    await expect(made).rejects.toThrow(InvalidInputError);
    await expect(made).rejects.toMatchObject({ field: 'scopes[1]' });
  });
});

describe('requests', () => {
  it('an unknown path is answered 404 in JSON', async () => {
    for (const path of ['/', '/graphql/x', '/graphqlx', '//', '/health/x']) {
      const response = await get(path);
      expect(response.status, path).toBe(404);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    }
  });

  it('a form or a plain text, which any web page can send, is refused (CSRF)', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect((await api.post(NAME, { 'content-type': type })).status, type).toBe(415);
    expect((await api.post(NAME, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
  });

  it('another origin gets no CORS headers and no answer to a preflight request', async () => {
    const posted = await api.post(NAME, { origin: 'https://elsewhere.example' });
    expect(posted.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await fetch(`${api.server.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(405);
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('no page that loads anything from another host is served', async () => {
    const response = await get('/graphql', { accept: 'text/html', authorization: `Bearer ${api.key}` });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.text()).not.toContain('<script');
  });

  it('a mutation by GET and a batch of operations are refused', async () => {
    const mutation = 'mutation{setPolicy(input:{autoClose:false}){__typename}}';
    const response = await get(`/graphql?query=${encodeURIComponent(mutation)}`, {
      authorization: `Bearer ${api.key}`,
    });
    expect(response.status).toBe(405);
    expect((await api.post(`[${NAME},${NAME}]`)).status).toBe(400);
    const { data } = await api.ask('{ account { policy { autoClose } } }');
    expect(data.account.policy.autoClose).toBe(true);
  });

  it('malformed JSON and malformed GraphQL are answered with a client error', async () => {
    for (const body of ['', '{', '[]', '{"query": 1}', '{"query": "{"}', '{"query":"{ nothing }"}', 'null']) {
      const response = await api.post(body, { accept: 'application/graphql-response+json' });
      expect(response.status, body).toBe(400);
      expect(((await response.json()) as { errors: unknown[] }).errors, body).toHaveLength(1);
    }
    expect(api.logged()).not.toContain('a request failed');
  });

  it('a body over 1 MB is refused, with or without a content-length', async () => {
    const big = JSON.stringify({ query: '{ account { name } }', variables: { x: 'x'.repeat(1_000_000) } });
    expect((await api.post(big)).status).toBe(413);
    expect(await postInChunks(big)).toBe(413);
  });

  it('an unexpected error is masked in the answer and logged without the key', async () => {
    const { db } = api.engine;
    await db.sql`alter table skill rename to skill_away`;
    const { data, errors } = await api.ask('{ skills { edges { node { name } } } }');
    await db.sql`alter table skill_away rename to skill`;
    expect(data).toBeFalsy();
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }]);
    expect(JSON.stringify(errors)).not.toContain('skill_away');
    expect(JSON.stringify(errors)).not.toContain('relation');
    expect(api.logged()).toContain('relation');
    expect(api.logged()).not.toContain(api.key.split('_')[3]);
  });
});

describe('probes', () => {
  it('/health and /ready answer 200', async () => {
    expect(await (await get('/health')).json()).toEqual({ status: 'up' });
    expect(await (await get('/ready')).json()).toEqual({ ready: true, failing: [] });
  });

  it('/ready names a clock that is not trusted and still answers 200, because activities can be recorded', async () => {
    api.engine.clock.setTrusted(false);
    const response = await get('/ready');
    api.engine.clock.setTrusted(true);
    expect([response.status, await response.json()]).toEqual([200, { ready: true, failing: ['clock'] }]);
  });

  it('/ready answers 503 while a migration is missing, and names only the migration and the clock', async () => {
    const { clock, db } = api.engine;
    clock.setTrusted(false);
    await db.sql`update drizzle.__drizzle_migrations set name = 'x' || name`;
    const response = await get('/ready');
    await db.sql`update drizzle.__drizzle_migrations set name = substr(name, 2)`;
    clock.setTrusted(true);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, failing: ['migrations', 'clock'] });
    expect((await get('/health')).status).toBe(200);
  });

  it('/ready names an unreachable database but not its error', async () => {
    const isMigrated = () => Promise.reject(new Error('connect ECONNREFUSED db.internal:5432'));
    const identify = isMigrated as never;
    const server = await startHttp({ ...api.deps, isMigrated, identify }, HTTP_OPTIONS);
    const ready = await fetch(`${server.url}/ready`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, failing: ['database'] }]);
    const asked = await fetch(`${server.url}/graphql`, {
      headers: { authorization: `Bearer ${api.key}` },
    });
    expect([asked.status, await asked.text()]).toEqual([503, expect.not.stringContaining('db.internal')]);
    await server.close();
  });
});

describe('listening', () => {
  it('a port in use is reported with a clear error', async () => {
    const { port } = new URL(api.server.url);
    const started = startHttp(api.deps, { ...HTTP_OPTIONS, port: Number(port) });
    await expect(started).rejects.toThrow(SetupError);
    await expect(started).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: it is in use`);
  });

  it('closing waits for running requests and closes idle connections', async () => {
    const entered = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const isMigrated = async () => {
      entered.resolve();
      await go.promise;
      return true;
    };
    const server = await startHttp({ ...api.deps, isMigrated }, HTTP_OPTIONS);
    const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const asked = fetch(`${server.url}/ready`);
    await entered.promise;
    const closed = server.close();
    go.resolve();
    expect(await (await asked).json()).toEqual({ ready: false, failing: ['stopping'] });
    await closed;
    await idleClosed;
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });
});

function postInChunks(body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${api.key}` };
    const sent = request(`${api.server.url}/graphql`, { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject);
    for (let start = 0; start < body.length; start += 100_000) sent.write(body.slice(start, start + 100_000));
    sent.end();
  });
}
