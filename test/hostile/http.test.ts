import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Got } from './ask.ts';
import { BROKEN, HEADERS, head, PATHS, PIECES } from './broken-requests.ts';
import { openRaw, sendRaw } from './raw.ts';
import { hunt, huntTimeout, isLong, tellSeed } from './runs.ts';
import { openWorld, type World } from './world.ts';

const ORIGIN = 'https://desk.example';
const READ = JSON.stringify({ query: '{ account { name } }' });
const END = 'mutation { pauseAutomaticEnds { __typename } }';

let world: World;
let authorization: string;
/** Slow clients: they start with the first test, and the last test checks them. */
let slow: { headers: Promise<Got>; body: Promise<Got> };
beforeAll(async () => {
  tellSeed();
  world = await openWorld({ LULL_CORS_ORIGIN: ORIGIN });
  authorization = `Bearer ${world.ours.key}`;
  slow = openSlow();
});
afterAll(async () => {
  await world.isUnharmed();
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

/** A client that sends headers, and one that sends a body, a byte at a time. */
function openSlow(): typeof slow {
  const [headers, body] = [openRaw(world.url, 90_000), openRaw(world.url, 90_000)];
  headers.socket.write('GET /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ');
  const length = `content-length: 900000\r\ncontent-type: application/json\r\nauthorization: ${authorization}`;
  body.socket.write(`POST /graphql HTTP/1.1\r\nhost: x\r\n${length}\r\n\r\n{`);
  for (const { socket } of [headers, body]) {
    const timer = setInterval(() => socket.write('x'), 500);
    socket.once('close', () => clearInterval(timer));
  }
  return { headers: headers.closed, body: body.closed };
}

const webhook = () => `/webhooks/${world.ours.accountId}/${world.ours.channels.web}`;
const post = (
  headers: Record<string, string | string[]>,
  body: string | Uint8Array = READ,
  path = '/graphql',
) => world.try({ path, headers: { 'content-type': 'application/json', authorization, ...headers }, body });

describe('a malformed HTTP request', () => {
  it.each(BROKEN)('is answered with an expected status: %s', async (_what, given, expected) => {
    const bytes = typeof given === 'string' ? given.replaceAll('<key>', authorization) : given;
    const got = await sendRaw(world.url, bytes);
    expect(expected, got.body).toContain(got.status);
    world.check(String(bytes), got, [0]);
  });

  it('is never answered with a server error, for random bytes that resemble a request', {
    timeout: huntTimeout(60),
  }, async () => {
    const line = fc.constantFrom(...PIECES);
    const property = fc.asyncProperty(
      fc.array(
        fc.oneof({ weight: 9, arbitrary: line }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) }),
        { maxLength: 12 },
      ),
      fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'),
      async (lines, newline) => {
        const bytes = `${lines.join(newline)}\r\n\r\n`;
        world.check(bytes, await sendRaw(world.url, bytes), [0]);
      },
    );
    await fc.assert(property, hunt(60));
  });
});

describe('paths', () => {
  it.each(PATHS)('%s is answered 404', async (path) => {
    for (const method of ['GET', 'POST']) {
      const got = await world.try({ path: encodeURI(path).replaceAll('%25', '%'), method });
      expect(got.status).toBe(404);
    }
  });

  it('the path of another account’s channel, or of a channel under another account, is answered 404', async () => {
    const { ours, theirs } = world;
    for (const [account, channel] of [
      [ours.accountId, theirs.channels.web],
      [theirs.accountId, ours.channels.web],
      [ours.accountId.toUpperCase(), theirs.channels.web],
    ])
      expect((await world.try({ path: `/webhooks/${account}/${channel}`, body: '{}' })).status).toBe(404);
  });
});

describe('HTTP methods', () => {
  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'HEAD'])(
    '%s is answered 405',
    async (method) => {
      for (const path of ['/graphql', webhook()]) {
        const sent = {
          path,
          method,
          headers: { 'content-type': 'application/json', authorization, 'content-length': 2 },
          body: '{}',
        };
        const got = await world.try(sent, method === 'HEAD' ? [405] : []);
        expect(got.status).toBe(405);
        expect(got.headers.allow).toContain('POST');
      }
    },
  );

  it('an override of the method in a header or a parameter is ignored', async () => {
    const asked = { query: 'query { __typename }' };
    for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method'])
      expect((await post({ [name]: 'DELETE' }, JSON.stringify(asked))).status).toBe(200);
    const path = `/graphql?query=${encodeURIComponent(END)}&_method=POST`;
    const got = await world.try({
      path,
      method: 'GET',
      headers: { authorization, 'x-http-method-override': 'POST' },
    });
    expect(got.status).toBe(405);
    expect(
      (await world.sql`select from outage where account_id = ${world.ours.accountId} and kind <> 'OUTAGE'`)
        .length,
    ).toBe(0);
  });
});

describe('requests from pages of other sites', () => {
  const FORMS = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
    'application/jsonx',
    'application/graphql',
    'application/octet-stream',
    '',
  ];
  it.each(FORMS)('with a body of type %s are refused, with cookies or a key', async (type) => {
    const body = `{"query":"${END}"}`;
    for (const more of [
      { authorization },
      { authorization: '', cookie: `authorization=${authorization}; session=1` },
    ]) {
      const got = await post({ ...more, 'content-type': type, origin: 'https://evil.example' }, body);
      expect([415, 401]).toContain(got.status);
      expect(got.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('with a key in the URL, in a cookie or under another scheme are answered 401', async () => {
    const { key } = world.ours;
    for (const query of ['authorization', 'token', 'key', 'access_token', 'api_key'])
      expect(
        (
          await world.try({
            path: `/graphql?query={__typename}&${query}=${encodeURIComponent('x'.repeat(20))}`,
            method: 'GET',
          })
        ).status,
      ).toBe(401);
    for (const scheme of ['Basic', 'Digest', 'Bearer:', '', 'bearer\t', 'Bearer Bearer'])
      expect((await post({ authorization: `${scheme} ${key}` })).status).toBe(401);
    expect((await post({ authorization: '', cookie: `authorization=Bearer ${key}` })).status).toBe(401);
  });

  it.each([
    'null',
    'https://evil.example',
    `${ORIGIN}.evil.example`,
    `${ORIGIN}:444`,
    'http://desk.example',
    '*',
    ORIGIN.toUpperCase(),
  ])('pages of %s may not read answers', async (origin) => {
    const got = await post({ origin });
    expect(got.headers['access-control-allow-origin']).toBeUndefined();
    const asks = { origin, 'access-control-request-method': 'POST' };
    expect((await world.try({ path: '/graphql', method: 'OPTIONS', headers: asks })).status).toBe(405);
  });
});

describe('headers', () => {
  it('no value of a request appears in a header of the answer', { timeout: huntTimeout(60) }, async () => {
    const MARK = 'injected-here';
    const value = fc.constantFrom(
      ...[
        MARK,
        `${MARK}: a`,
        `x%0d%0aset-cookie: ${MARK}`,
        `${MARK}é`,
        `"${MARK}"`,
        `${MARK}, b`,
        `${MARK};q=1`,
        '\t',
        `application/json;${MARK}`,
        `text/event-stream;${MARK}`,
        `Bearer ${MARK}`,
        `Bearer lull_${MARK}`,
      ],
    );
    const property = fc.asyncProperty(
      fc.dictionary(fc.constantFrom(...HEADERS), value, { minKeys: 1, maxKeys: 6 }),
      async (headers) => {
        for (const path of ['/graphql', webhook(), '/health']) {
          const got = await post(headers, READ, path);
          expect(JSON.stringify(got.headers)).not.toContain(MARK);
        }
      },
    );
    await fc.assert(property, hunt(60));
  });

  it('an unsupported media type in Accept is answered 406 with a code', async () => {
    expect((await post({ accept: 'image/png' })).status).toBe(406);
  });

  it('an account or an agent that does not belong to the caller is answered as not found', async () => {
    const { theirs } = world;
    for (const account of [theirs.accountId, theirs.ids.Account, '__proto__', '', '\\', "'"])
      expect([400, 404, 200]).toContain((await post({ 'x-lull-account': account })).status);
    for (const agent of [theirs.ids.Agent, 'x'])
      expect([400, 404]).toContain((await post({ 'x-lull-agent': agent })).status);
    expect((await post({ 'x-lull-account': theirs.accountId })).status).toBe(404);
    expect((await post({ 'x-lull-agent': theirs.ids.Agent })).status).toBe(404);
  });
});

describe('bodies', () => {
  const MEGABYTES = 5_000_000;
  it('that are too long are answered 413, with or without a content-length', async () => {
    for (const path of ['/graphql', webhook()]) {
      const long = `${READ.slice(0, -1)},"x":"${'x'.repeat(MEGABYTES)}"}`;
      const announced = await sendRaw(
        world.url,
        head(
          `POST ${path} HTTP/1.1`,
          'host: x',
          'content-type: application/json',
          `authorization: ${authorization}`,
          `content-length: ${long.length}`,
          'connection: close',
        ),
      );
      expect(announced.status).toBe(413);
      world.check('announced', announced);
      const { socket, closed } = openRaw(world.url);
      socket.write(
        head(
          `POST ${path} HTTP/1.1`,
          'host: x',
          'content-type: application/json',
          `authorization: ${authorization}`,
          'transfer-encoding: chunked',
        ),
      );
      for (let at = 0; at < long.length && !socket.destroyed; at += 100_000) {
        const part = long.slice(at, at + 100_000);
        socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
      }
      socket.end('0\r\n\r\n');
      const streamed = await closed;
      expect([413, 0]).toContain(streamed.status);
      world.check('streamed', streamed, [0]);
    }
  });

  it('that are compressed are not decompressed', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const packed = gzipSync(READ);
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'x-gzip', 'gzip, gzip'])
      for (const body of [bomb, packed])
        expect((await post({ 'content-encoding': encoding }, body)).status).toBe(415);
    expect((await post({ 'content-encoding': 'identity' })).status).toBe(200);
    expect((await post({ 'content-encoding': 'gzip' }, bomb, webhook())).status).toBe(401);
  });
});

it('that arrive too slowly are disconnected in time and do not delay other requests', async () => {
  expect((await post({})).status).toBe(200);
  const headers = await slow.headers;
  expect(headers.status).toBe(408);
  world.check('slow headers', headers);
  if (!isLong) return;
  const body = await slow.body;
  expect([408, 0]).toContain(body.status);
  world.check('a slow body', body, [0]);
});
