import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey } from '../../src/accounts/api-keys.ts';
import { startHttp } from '../../src/http/server.ts';
import { schema } from '../../src/schema/schema.ts';
import { HTTP_OPTIONS, openApi } from '../http/open-api.ts';
import { subscribe } from '../support/sse.ts';
import { calls } from './documents.ts';
import { hunt, huntTimeout, tellSeed } from './runs.ts';
import { openWorld, rawId, type World } from './world.ts';

const ISSUER = 'https://login.example';
const AUDIENCE = 'lull';
const READ = JSON.stringify({ query: '{ account { name } }' });
type Claims = Record<string, unknown>;

let world: World;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let keyServer: Server;
/** The requests that the key server received; no caller may direct the service to another one. */
const asked: string[] = [];
beforeAll(async () => {
  tellSeed();
  keys = await generateKeyPair('RS256', { extractable: true });
  const published = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'ours', alg: 'RS256' }] };
  keyServer = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(JSON.stringify(published));
  }).listen(0, '127.0.0.1');
  await once(keyServer, 'listening');
  const LULL_JWKS_URL = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/jwks`;
  world = await openWorld({ LULL_JWKS_URL, LULL_JWT_ISSUER: ISSUER, LULL_JWT_AUDIENCE: AUDIENCE });
  await world.sql`update agent set subject = 'ann' where id = ${rawId(world.ours.ids.Agent)}`;
});
afterAll(async () => {
  expect(await world.close()).toEqual({ code: 0, signal: null });
  keyServer.close();
});

const claims = (more: Claims = {}): Claims => ({
  ...{ iss: ISSUER, aud: AUDIENCE, sub: 'ann', account: world.ours.accountId, scope: 'conversations:read' },
  exp: Math.floor(Date.now() / 1000) + 600,
  ...more,
});
const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
const sign = (header: Claims = {}, more: Claims = {}) =>
  new SignJWT(claims(more))
    .setProtectedHeader({ alg: 'RS256', kid: 'ours', ...header })
    .sign(keys.privateKey);
const hmac = (secret: string, header: Claims, payload: Claims) => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};
const statusOf = async (token: string) =>
  (await world.try(world.graphql(READ, { authorization: `Bearer ${token}` }))).status;

describe('JWTs', () => {
  it('are accepted if they are valid, so that each refusal below has the intended cause', async () => {
    expect(await statusOf(await sign())).toBe(200);
  });

  it('not signed by a key of the issuer are answered 401', async () => {
    const [, payload, signature] = (await sign()).split('.');
    const pem = await exportSPKI(keys.publicKey);
    const jwk = JSON.stringify(await exportJWK(keys.publicKey));
    const stranger = await generateKeyPair('RS256', { extractable: true });
    const embedded = await exportJWK(stranger.publicKey);
    const forged = new SignJWT(claims());
    const tokens = [
      ...['none', 'None', 'NONE', ''].map((alg) => `${encode({ alg, kid: 'ours' })}.${payload}.`),
      `${encode({ alg: 'none' })}.${payload}.${signature}`,
      ...[pem, pem.trim(), jwk, '', 'secret'].map((secret) =>
        hmac(secret, { alg: 'HS256', kid: 'ours' }, claims()),
      ),
      hmac('', { alg: 'HS256', kid: '/dev/null' }, claims()),
      ...['../../../../dev/null', "' or '1'='1", 'x'.repeat(5_000), '__proto__', ''].map((kid) =>
        hmac('', { alg: 'HS256', kid }, claims()),
      ),
      await forged.setProtectedHeader({ alg: 'RS256', kid: 'ours' }).sign(stranger.privateKey),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'RS256', jwk: embedded })
        .sign(stranger.privateKey),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'RS256', jku: 'https://evil.example/jwks' })
        .sign(stranger.privateKey),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'RS256', x5u: 'https://evil.example/x' })
        .sign(stranger.privateKey),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'PS256', kid: 'ours' })
        .sign((await generateKeyPair('PS256')).privateKey),
      `${encode({ alg: 'RS256', kid: 'ours', crit: ['b64'], b64: false })}.${payload}.${signature}`,
      ...[
        '',
        '.',
        '..',
        '...',
        'a.b.c',
        `${payload}`,
        `.${payload}.`,
        `${encode({ alg: 'RS256' })}.${payload}`,
        'ey'.repeat(3_000),
      ],
    ];
    for (const token of tokens) expect(await statusOf(token), token.slice(0, 200)).toBe(401);
    expect(new Set(asked)).toEqual(new Set(['/jwks']));
  });

  it('for another audience, issuer or account, expired, or not yet valid are answered 401', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { theirs } = world;
    const wrong: Claims[] = [
      ...[{ exp: now - 60 }, { exp: '9999999999' }, { exp: null }, { exp: undefined }, { nbf: now + 60 }],
      ...[
        { iss: 'https://evil.example' },
        { iss: `${ISSUER}/` },
        { iss: [ISSUER] },
        { aud: 'other' },
        { aud: null },
      ],
      ...[
        { account: theirs.accountId },
        { account: theirs.ids.Account },
        { account: ['x'] },
        { account: '' },
        { account: `${world.ours.accountId}\0` },
      ],
      ...[
        { sub: '' },
        { sub: 'ann\0' },
        { sub: "ann' or '1'='1" },
        { sub: ['ann'] },
        { sub: '__proto__' },
        { sub: undefined },
      ],
      ...[{ scope: null }, { scope: ['keys:write'] }, { scope: undefined }],
    ];
    for (const more of wrong) expect(await statusOf(await sign({}, more)), JSON.stringify(more)).toBe(401);
  });

  it('with changed bytes are answered 401', { timeout: huntTimeout(40) }, async () => {
    const good = await sign();
    const change = fc.record({ at: fc.nat(good.length - 1), to: fc.constantFrom(...'AZaz09-_.=+/ ') });
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const letters = [...good];
      for (const { at, to } of changes) letters[at] = to;
      const token = letters.join('').trim();
      // The last letter of base64 has unused bits.
      const isSame = token.slice(0, -1) === good.slice(0, -1) && token.length === good.length;
      if (!isSame) expect(await statusOf(token)).toBe(401);
    });
    await fc.assert(property, hunt(40));
  });

  it('grant only their scopes, and keys of one account grant nothing in another', async () => {
    const ask = async (query: string, token: string) =>
      (await world.try(world.graphql({ query }, { authorization: `Bearer ${token}` }))).body;
    const token = await sign({}, { scope: 'conversations:read __proto__ constructor admin *' });
    expect(await ask('mutation { createSkill(name: "x") { ... on Error { code } } }', token)).toContain(
      'FORBIDDEN',
    );
    expect(await ask('{ apiKeys { nodes { id } } }', token)).toContain('FORBIDDEN');
    const [lull, , ...rest] = world.ours.key.split('_');
    const moved = [lull, world.theirs.accountId.replaceAll('-', ''), ...rest].join('_');
    expect(await statusOf(moved)).toBe(401);
    for (const key of [
      moved.replace('lull_', 'lull_op_'),
      `${world.ours.key}\u00e9`,
      world.ours.key.toUpperCase(),
      world.ours.key.slice(0, -1),
    ])
      expect(await statusOf(key)).toBe(401);
  });
});

describe('scopes', () => {
  it('a key without the needed scopes reads nothing and changes nothing', {
    timeout: huntTimeout(150),
  }, async () => {
    const { engine, ours } = world;
    const made = { id: engine.deps.newId(), now: new Date() };
    const key = await createApiKey(
      engine.db,
      { accountId: ours.accountId, name: 'weak', scopes: ['act-as'] },
      made,
    );
    const [before] =
      await world.sql`select count(*)::int as rows from event where account_id = ${ours.accountId}`;
    const ids = { ours: ours.ids, theirs: world.theirs.ids };
    const property = fc.asyncProperty(
      calls(schema, ids, ['query', 'mutation']),
      async ({ query, variables }) => {
        const got = await world.try(world.graphql({ query, variables }, { authorization: `Bearer ${key}` }));
        const given = Object.values(JSON.parse(got.body).data ?? {});
        const types = given
          .filter((value) => value !== null)
          .map((value) => (value as { __typename: string }).__typename);
        expect(types.filter((type) => type !== 'ForbiddenError')).toEqual([]);
      },
    );
    await fc.assert(property, hunt(150));
    const [after] =
      await world.sql`select count(*)::int as rows from event where account_id = ${ours.accountId}`;
    expect(after).toEqual(before);
  });
});

describe('subscribers', () => {
  it('are disconnected when their key is revoked, and those with other keys are not', async () => {
    const api = await openApi();
    const server = await startHttp(api.deps, { ...HTTP_OPTIONS, recheckMs: 50 });
    const key = await api.makeKey(['conversations:read']);
    const query = 'subscription { conversationChanged { id } }';
    const [revoked, other] = await Promise.all([key, api.key].map((as) => subscribe(server.url, as, query)));
    await expect.poll(api.subscribers).toBe(2);
    const hungUp = revoked?.next().then(
      () => null,
      () => null,
    );
    await api.engine.db.sql`update api_key set revoked_at = ${api.engine.clock.now()}
      where replace(id::text, '-', '') = ${key.split('_')[2] ?? ''}`;
    expect(await hungUp).toBeNull();
    await expect.poll(api.subscribers).toBe(1);
    await api.record({ kind: 'INBOUND', channelId: api.channel, address: 'still there' });
    expect((await other?.next())?.data.conversationChanged.id).toEqual(expect.any(String));
    other?.stop();
    await server.close();
    await api.close();
  });

  it('do not slow others down if they do not read or if they disconnect at once', async () => {
    const query = 'subscription { conversationChanged { id } }';
    const sent = world.graphql({ query }, { accept: 'text/event-stream' });
    await Promise.all(Array.from({ length: 60 }, () => world.listen(sent)));
    for (const accept of ['application/json', 'multipart/mixed', 'text/html', '*/*'])
      await world.listen(world.graphql({ query }, { accept }));
    expect(await statusOf(world.ours.key)).toBe(200);
    await world.isUnharmed();
  });
});
