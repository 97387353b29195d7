import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import { type Answer, type Api, HTTP_OPTIONS, openApi } from './open-api.ts';

const ISSUER = 'https://login.example';
const AUDIENCE = 'lull';
const READ = '{ account { name } }';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let api: Api;
let server: HttpServer;
let keyServer: Server;
let rsa: Keys;
let ec: Keys;
let stranger: Keys;

beforeAll(async () => {
  api = await openApi();
  [rsa, ec, stranger] = await Promise.all([
    generateKeyPair('RS256'),
    generateKeyPair('ES256'),
    generateKeyPair('RS256'),
  ]);
  const published = { keys: [await jwkOf(rsa, 'rsa'), await jwkOf(ec, 'ec')] };
  keyServer = createServer((_request, response) => response.end(JSON.stringify(published)));
  await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
  server = await serveWith(`http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`);
  await api.engine.db.sql`update agent set subject = 'idp|ann' where id = ${api.engine.ann}`;
});
afterAll(async () => {
  await server.close();
  keyServer.close();
  await api.close();
});

const jwkOf = async ({ publicKey }: Keys, kid: string) => ({ ...(await exportJWK(publicKey)), kid });

function serveWith(jwksUrl: string): Promise<HttpServer> {
  const identify = openAccess(api.engine, { jwksUrl, issuer: ISSUER, audience: AUDIENCE });
  return startHttp({ ...api.deps, identify }, HTTP_OPTIONS);
}

const secondsFromNow = (seconds: number) => Math.floor(api.engine.clock.now().getTime() / 1000) + seconds;

/** Signs a token that is valid except for the given claims. */
function sign(
  claims: Record<string, unknown> = {},
  { alg = 'RS256', kid = 'rsa', by = rsa } = {},
): Promise<string> {
  const payload = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'idp|ann',
    account: api.engine.accountId,
    scope: 'openid conversations:read',
    exp: secondsFromNow(60),
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg, kid }).sign(by.privateKey);
}

async function ask(token: string, { query = READ, at = server, headers = {} } = {}) {
  const response = await fetch(`${at.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

describe('a JWT', () => {
  it('of an agent is accepted if it is signed with RSA or with an elliptic curve', async () => {
    const good = { status: 200, body: { data: { account: { name: 'test' } } } };
    expect(await ask(await sign())).toEqual(good);
    expect(await ask(await sign({}, { alg: 'ES256', kid: 'ec', by: ec }))).toEqual(good);
    const globalId = Buffer.from(`Account:${api.engine.accountId}`).toString('base64');
    expect(await ask(await sign({ account: globalId }))).toEqual(good);
  });

  it('grants exactly the scopes of its scope claim', async () => {
    const query =
      'mutation { setPolicy(input: { autoClose: true }) { __typename ... on ForbiddenError { scope } } }';
    const refused = { data: { setPolicy: { __typename: 'ForbiddenError', scope: 'policies:write' } } };
    expect((await ask(await sign(), { query })).body).toEqual(refused);
    const allowed = { data: { setPolicy: { __typename: 'Policy' } } };
    expect((await ask(await sign({ scope: 'policies:write conversations:read' }), { query })).body).toEqual(
      allowed,
    );
    const [version] = await api.engine.db
      .sql`select changed_by from rules_version order by version desc limit 1`;
    expect(version).toMatchObject({ changed_by: `agent:${api.engine.ann}` });
  });

  it.each([
    ['has expired', { exp: -10 }],
    ['is not valid yet', { nbf: 60 }],
  ])('that %s is answered 401', async (_what, offsets) => {
    const claims = Object.fromEntries(
      Object.entries(offsets).map(([name, by]) => [name, secondsFromNow(by)]),
    );
    expect(await ask(await sign(claims))).toMatchObject(UNKNOWN);
  });

  it.each<[string, Record<string, unknown>]>([
    ['is for another audience', { aud: 'other' }],
    ['is by another issuer', { iss: 'https://other.example' }],
    ['never expires', { exp: undefined }],
    ['has no subject', { sub: undefined }],
    ['has a subject that is not an agent', { sub: 'idp|nobody' }],
    ['has a subject that no database can hold', { sub: 'idp|\0' }],
    ['names no account', { account: undefined }],
    ['names an account by a malformed id', { account: 'x' }],
    ['names an account that does not exist', { account: '018f0000-0000-7000-8000-000000000000' }],
    ['has no scope', { scope: undefined }],
    ['has a scope of another form', { scope: ['conversations:read'] }],
  ])('that %s is answered 401', async (_what, claims) => {
    expect(await ask(await sign(claims))).toMatchObject(UNKNOWN);
  });

  it('for an account in which its subject is not an agent is answered 401', async () => {
    const account = await createAccount(api.engine.deps, { name: 'other' });
    expect(await ask(await sign({ account }))).toMatchObject(UNKNOWN);
  });

  it('signed by somebody else or by an unknown key is answered 401', async () => {
    expect(await ask(await sign({}, { by: stranger }))).toMatchObject(UNKNOWN);
    expect(await ask(await sign({}, { kid: 'unknown' }))).toMatchObject(UNKNOWN);
    const [header, payload, signature] = (await sign()).split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const forged = encode({ ...claims, scope: 'keys:write' });
    expect(await ask([header, forged, signature].join('.'))).toMatchObject(UNKNOWN);
  });

  it('without a signature, or signed with the public key as a secret, is answered 401', async () => {
    const [, payload] = (await sign()).split('.');
    expect(await ask(`${encode({ alg: 'none', kid: 'rsa' })}.${payload}.`)).toMatchObject(UNKNOWN);
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(rsa.publicKey)));
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'rsa' }).sign(secret);
    expect(await ask(confused)).toMatchObject(UNKNOWN);
  });

  it('creates keys that expire when it does', async () => {
    const query = `mutation { createApiKey(input: { name: "of a token", scopes: ["conversations:read"] }) {
      ... on CreatedApiKey { token apiKey { expiresAt madeBy } } } }`;
    const exp = secondsFromNow(60);
    const token = await sign({ scope: 'keys:write conversations:read', exp });
    const { createApiKey } = (await ask(token, { query })).body.data;
    expect(createApiKey.apiKey).toEqual({
      expiresAt: new Date(exp * 1000).toISOString(),
      madeBy: `agent:${api.engine.ann}`,
    });
    expect((await ask(createApiKey.token)).status).toBe(200);
    api.engine.clock.advance(60_000);
    expect(await ask(createApiKey.token)).toMatchObject(UNKNOWN);
  });

  it('is answered 503 while the key server is unreachable, and 401 if no key server is configured', async () => {
    const away = await serveWith('http://127.0.0.1:1');
    expect(await ask(await sign(), { at: away })).toMatchObject({
      status: 503,
      body: { errors: [{ extensions: { code: 'UNAVAILABLE' } }] },
    });
    await away.close();
    expect(await ask(await sign(), { at: api.server })).toMatchObject(UNKNOWN);
  });

  it('is never logged', async () => {
    const token = await sign();
    await ask(token);
    await ask(token.slice(0, -4));
    expect(api.logged()).not.toContain(token.split('.')[2]?.slice(0, 40));
  });
});

const UNKNOWN = { status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } };
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
