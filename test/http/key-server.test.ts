import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import type { KeyServerOptions } from '../../src/schema/core/key-server.ts';
import { soon } from './busy-api.ts';
import { type Api, HTTP_OPTIONS, openApi } from './open-api.ts';

const ISSUER = 'https://login.example';
const AUDIENCE = 'lull';
type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

let api: Api;
let first: Keys;
let second: Keys;
/** The server that publishes the keys: its keys, its answer, and the number of requests it received. */
let keyServer: Server;
let published: Record<string, Keys>;
let answer: (response: ServerResponse) => void;
let asked = 0;
const servers: HttpServer[] = [];

beforeAll(async () => {
  api = await openApi();
  [first, second] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  await api.engine.db.sql`update agent set subject = 'ann' where id = ${api.engine.ann}`;
  keyServer = createServer((_request, response) => {
    asked++;
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(keyServer, 'listening');
});
beforeEach(() => {
  asked = 0;
  published = { first };
  answer = publish();
});
afterEach(async () => {
  keyServer.closeAllConnections();
  for (const server of servers.splice(0)) await server.close();
});
afterAll(async () => {
  keyServer.close();
  await api.close();
});

const publish =
  (headers: Record<string, string> = {}) =>
  async (response: ServerResponse) => {
    const keys = await Promise.all(
      Object.entries(published).map(async ([kid, keys]) => ({ ...(await exportJWK(keys.publicKey)), kid })),
    );
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(JSON.stringify({ keys }));
  };
/** Accepts the request and never answers. */
const hang = () => {};

async function serve(options: KeyServerOptions = {}, requestsAtOnce = 4) {
  const jwksUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/keys`;
  const identify = openAccess(api.engine, { jwksUrl, issuer: ISSUER, audience: AUDIENCE }, options);
  const http = { ...HTTP_OPTIONS, requestsAtOnce, requestsWaiting: 200 };
  const server = await startHttp({ ...api.deps, identify }, http);
  servers.push(server);
  return server;
}

async function sign(kid = 'first', by = first): Promise<string> {
  const exp = Math.floor(api.engine.clock.now().getTime() / 1000) + 600;
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'ann', account: api.engine.accountId, exp };
  return await new SignJWT({ ...claims, scope: 'conversations:read' })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(by.privateKey);
}
async function ask(server: HttpServer, token: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: '{ account { name } }' });
  return (await fetch(`${server.url}/graphql`, { method: 'POST', headers, body })).status;
}

describe('a key server that hangs', () => {
  it('does not delay callers with API keys, and is asked once for all tokens', async () => {
    answer = hang;
    const server = await serve({ timeoutMs: 3_000, waiting: 20 });
    const token = await sign();
    const tokens = Promise.all(Array.from({ length: 100 }, () => ask(server, token)));
    await expect.poll(() => asked, soon).toBe(1);
    for (let count = 0; count < 10; count++) expect(await ask(server, api.key)).toBe(200);
    expect(server.load().requests).toBe(0);
    expect(new Set(await tokens)).toEqual(new Set([503]));
    // For a while it is not asked again: tokens are answered at once.
    expect(await ask(server, token)).toBe(503);
    expect(asked).toBe(1);
  });

  it('is asked again later, and tokens are accepted as soon as it answers', async () => {
    answer = hang;
    const server = await serve({ timeoutMs: 1_500, cooldownMs: 600 });
    const token = await sign();
    expect(await ask(server, token)).toBe(503);
    answer = publish();
    await expect.poll(() => ask(server, token), soon).toBe(200);
    expect(asked).toBe(2);
  });

  it('does not affect tokens whose key is cached, for as long as the cache lives', async () => {
    const server = await serve({ timeoutMs: 1_500, cooldownMs: 300, cacheMs: { most: 5_000, least: 5_000 } });
    const token = await sign();
    expect(await ask(server, token)).toBe(200);
    answer = hang;
    await sleep(1_200);
    for (let count = 0; count < 5; count++) expect(await ask(server, token)).toBe(200);
    await expect.poll(() => ask(server, token), soon).toBe(503);
  });
});

describe('keys of a key server', () => {
  it('are rejected after the cache lifetime once the server no longer publishes them', async () => {
    const server = await serve({ cacheMs: { most: 600, least: 600 } });
    const token = await sign();
    expect(await ask(server, token)).toBe(200);
    published = { second };
    await sleep(700);
    expect(await ask(server, token)).toBe(401);
    expect(await ask(server, await sign('second', second))).toBe(200);
  });

  it('are cached for as long as the answer allows, within bounds', async () => {
    answer = publish({ 'cache-control': 'public, max-age=1' });
    const server = await serve({ cacheMs: { most: 600_000, least: 200 } });
    const token = await sign();
    expect(await ask(server, token)).toBe(200);
    published = { second };
    await sleep(1_100);
    expect(await ask(server, token)).toBe(401);
    answer = publish({ 'cache-control': 'max-age=0' });
    const other = await serve({ cacheMs: { most: 600_000, least: 60_000 } });
    const token2 = await sign('second', second);
    for (let count = 0; count < 5; count++) expect(await ask(other, token2)).toBe(200);
    expect(asked).toBe(3);
  });

  it('are found at once if they are new, and many unknown keys cause one fetch', async () => {
    const server = await serve({ cooldownMs: 300 });
    expect(await ask(server, await sign())).toBe(200);
    published = { first, second };
    await sleep(400);
    expect(await ask(server, await sign('second', second))).toBe(200);
    expect(asked).toBe(2);
    const unknown = await Promise.all(Array.from({ length: 20 }, (_, at) => sign(`unknown ${at}`)));
    for (const token of unknown) expect(await ask(server, token)).toBe(401);
    expect(asked).toBeLessThanOrEqual(4);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['an error', (response) => response.writeHead(500).end()],
    ['a redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['malformed JSON', (response) => response.end('<html>')],
    ['JSON without keys', (response) => response.end('{"keys": 1}')],
    ['an endless body', (response) => void response.write(`{"keys": ["${'x'.repeat(2_000_000)}`)],
  ])('cannot be read if the server answers with %s, and tokens are answered 503', async (_what, answers) => {
    answer = answers;
    const server = await serve();
    for (let count = 0; count < 3; count++) expect(await ask(server, await sign())).toBe(503);
    expect(asked).toBe(1);
  });
});
