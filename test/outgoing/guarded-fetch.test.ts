import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { NoAnswerError } from '../../src/outgoing/guarded-request.ts';

/** A generous time in which an answer that is cut has to be there, however busy the machine is. */
const SOON_MS = 20_000;
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

let server: Server;
let url: string;
let listener: RequestListener = () => {};
let got: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
let sockets = 0;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    got.push({ method, url, headers, body: await text(request) });
    listener(request, response);
  }).listen(0, '127.0.0.1');
  server.on('connection', () => sockets++);
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  got = [];
  sockets = 0;
  listener = (_request, response) => response.end('{}');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const open = openGuardedFetch({ allowPrivate: true });
const within = (ms: number) => open(AbortSignal.timeout(ms));

/** Whether the other side has seen the connection go. */
function whenGone(): Promise<unknown> {
  return new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
}

describe('a response', () => {
  it('is a web Response with status, headers, body and URL', async () => {
    listener = (_request, response) =>
      response.writeHead(201, { 'content-type': 'application/json', 'x-two': ['a', 'b'] }).end('{"id":"m1"}');
    const response = await within(SOON_MS)(`${url}/messages?x=1`, {
      ...{ method: 'POST', headers: { authorization: 'Bearer x' }, body: '{"to":"ada"}' },
    });
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.ok, response.url]).toEqual([201, true, `${url}/messages?x=1`]);
    expect(response.headers.get('x-two')).toBe('a, b');
    expect(await response.clone().json()).toEqual({ id: 'm1' });
    expect(await response.text()).toBe('{"id":"m1"}');
    expect(got).toEqual([
      {
        ...{ method: 'POST', url: '/messages?x=1', body: '{"to":"ada"}' },
        headers: expect.objectContaining({ authorization: 'Bearer x', 'content-length': '12' }),
      },
    ]);
  });

  it.each([
    ['gzip', gzipSync('{"id":"m1"}')],
    ['deflate', deflateSync('{"id":"m1"}')],
    ['br', brotliCompressSync('{"id":"m1"}')],
  ])('with the encoding %s is decompressed', async (encoding, packed) => {
    listener = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(packed);
    const response = await within(SOON_MS)(url);
    expect([await response.json(), response.headers.get('content-encoding')]).toEqual([{ id: 'm1' }, null]);
  });

  it('of 1 MiB is read; one byte more leaves the status without the body', async () => {
    const sent = (bytes: number, headers: Record<string, string>) => {
      listener = (_request, response) => response.writeHead(200, headers).end(Buffer.alloc(bytes, 'x'));
      return within(SOON_MS)(url);
    };
    expect((await (await sent(MAX_ANSWER_BYTES, {})).text()).length).toBe(MAX_ANSWER_BYTES);
    for (const headers of [{}, { 'content-length': String(MAX_ANSWER_BYTES + 1) }]) {
      const response = await sent(MAX_ANSWER_BYTES + 1, headers as Record<string, string>);
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow(TypeError);
      const other = await sent(MAX_ANSWER_BYTES + 1, headers as Record<string, string>);
      await other.body?.cancel();
    }
  });

  it('of 700 MB closes the connection after 1 MiB', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    listener = (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (written < 700 && !response.destroyed && response.write(chunk)) written++;
        if (written >= 700) response.end();
      };
      response.on('drain', more);
      more();
    };
    const gone = whenGone();
    const response = await openGuardedFetch({ allowPrivate: true })(AbortSignal.timeout(SOON_MS))(url);
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toThrow(TypeError);
    await gone;
    expect(written).toBeLessThan(100);
  });

  it.each([
    ['gzip', (body: Buffer) => gzipSync(body, { level: 1 })],
    ['br', (body: Buffer) => brotliCompressSync(body, FAST)],
  ])('that is a compression bomb in %s is cut after 1 MiB of output', async (encoding, pack) => {
    const bomb = pack(Buffer.alloc(192 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(MAX_ANSWER_BYTES);
    listener = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
    const before = process.memoryUsage().rss;
    const response = await within(SOON_MS)(url);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow(TypeError);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });

  it('with two encodings or an unknown one has no readable body', async () => {
    for (const encoding of ['gzip, gzip', 'snappy']) {
      listener = (_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(gzipSync(gzipSync('{}')));
      await expect((await within(SOON_MS)(url)).text()).rejects.toThrow(TypeError);
    }
  });

  it('that is slow keeps its status when the deadline passes', async () => {
    listener = (_request, response) => {
      response.writeHead(202);
      const timer = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(timer));
    };
    const gone = whenGone();
    const response = await openGuardedFetch({ allowPrivate: true })(AbortSignal.timeout(2_000))(url);
    expect(response.status).toBe(202);
    await expect(response.text()).rejects.toThrow(TypeError);
    await gone;
  });

  it('that never arrives fails at the deadline, even if the adapter passes no signal', async () => {
    listener = () => {};
    await expect(within(200)(url)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('with a redirect is not followed, whatever the options', async () => {
    listener = (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end();
    for (const redirect of ['follow', 'manual', 'error'] as const) {
      const response = await within(SOON_MS)(url, { method: 'POST', body: 'secret', redirect });
      expect([response.status, response.headers.get('location')]).toEqual([307, '/elsewhere']);
    }
    expect(got.map(({ url }) => url)).toEqual(['/', '/', '/']);
  });
});

describe('a request', () => {
  const strict = openGuardedFetch({ allowPrivate: false });
  const causeOf = async (asked: Promise<Response>) => {
    const error = await asked.then(
      () => null,
      (error: unknown) => error,
    );
    return (error as { cause?: NoAnswerError } | null)?.cause;
  };

  it.each([
    ...['127.0.0.1', '[::1]', '2130706433', '0x7f000001', '017700000001', '[::ffff:127.0.0.1]', '127.1'],
    ...['169.254.169.254', '10.0.0.1', 'localhost', 'localhost.', 'localhost..', '[64:ff9b::7f00:1]'],
  ])('is not sent to %s by http or https, unless private addresses are allowed', async (host) => {
    const { port } = server.address() as AddressInfo;
    for (const protocol of ['http', 'https']) {
      const cause = await causeOf(strict(AbortSignal.timeout(SOON_MS))(`${protocol}://${host}:${port}/`));
      expect(cause).toBeInstanceOf(NoAnswerError);
      expect(cause?.wasSent).toBe(false);
    }
    expect(sockets).toBe(0);
  });

  it('is not sent to a name that resolves to a private address, also on a second lookup', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const { port } = server.address() as AddressInfo;
    const rebound = openGuardedFetch({ allowPrivate: false, resolve })(AbortSignal.timeout(SOON_MS));
    for (let time = 0; time < 3; time++)
      expect((await causeOf(rebound(`https://api.example.com:${port}/`)))?.message).toContain('private');
    expect([asked.length, sockets]).toEqual([3, 0]);
  });

  it('cannot bypass the guard by options', async () => {
    const { port } = server.address() as AddressInfo;
    const options = {
      ...{ agent: false, dispatcher: { dispatch: () => true }, lookup: () => {}, socketPath: '/tmp/socket' },
      ...{ host: '127.0.0.1', hostname: '127.0.0.1', port, family: 4, createConnection: () => {} },
    };
    const fetch = strict(AbortSignal.timeout(SOON_MS));
    for (const asked of [
      fetch(`https://127.0.0.1:${port}/`, options as RequestInit),
      fetch(new Request(`https://127.0.0.1:${port}/`, options as RequestInit)),
      fetch(new Request(`http://127.0.0.1:${port}/`), options as RequestInit),
      fetch(Object.assign(new URL('https://api.example.com/'), { host: `127.0.0.1:${port}` })),
    ])
      expect((await causeOf(asked))?.wasSent).toBe(false);
    expect(sockets).toBe(0);
    await expect(fetch('https://ann:pw@example.com/')).rejects.toThrow(TypeError);
    await expect(fetch('file:///etc/passwd')).rejects.toThrow(TypeError);
    await expect(fetch('data:text/plain,hello')).rejects.toThrow(TypeError);
  });

  it('has the host of its URL, and cannot set connection headers', async () => {
    await within(SOON_MS)(url, {
      ...{ method: 'POST', body: 'hello' },
      headers: { host: 'internal.example', connection: 'upgrade', upgrade: 'h2c', 'transfer-encoding': 'x' },
    });
    expect(got[0]?.headers).toMatchObject({ host: new URL(url).host, 'content-length': '5' });
    expect(got[0]?.headers.upgrade).toBe(undefined);
    expect(got[0]?.headers['transfer-encoding']).toBe(undefined);
  });

  it('is not sent with a body over 1 MiB or without an end', async () => {
    const fetch = within(SOON_MS);
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(MAX_REQUEST_BYTES) })).status).toBe(200);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(65536)) });
    for (const body of ['x'.repeat(MAX_REQUEST_BYTES + 1), endless])
      expect((await causeOf(fetch(url, { method: 'POST', body })))?.wasSent).toBe(false);
    expect(got).toHaveLength(1);
    const stuck = new ReadableStream({ pull: () => new Promise(() => {}) });
    await expect(within(200)(url, { method: 'POST', body: stuck })).rejects.toThrow();
  });

  it('reuses an idle connection, and then counts as sent', async () => {
    const kept = openGuardedFetch({ allowPrivate: true });
    const fetch = kept(AbortSignal.timeout(SOON_MS));
    for (let time = 0; time < 3; time++) await (await fetch(url)).text();
    expect(sockets).toBe(1);
    listener = (request) => request.socket.destroy();
    expect((await causeOf(fetch(url)))?.wasSent).toBe(true);
  });

  it('that reached no server counts as not sent', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const cause = await causeOf(within(SOON_MS)(`http://127.0.0.1:${port}/`));
    expect([cause?.wasSent, cause?.systemCode]).toEqual([false, 'ECONNREFUSED']);
    // A server that speaks no TLS gets nothing of a request either.
    expect((await causeOf(within(SOON_MS)(url.replace('http:', 'https:'))))?.wasSent).toBe(false);
    const never = openGuardedFetch({ allowPrivate: true, resolve: () => new Promise(() => {}) });
    expect((await causeOf(never(AbortSignal.timeout(100))('https://api.example.com/')))?.wasSent).toBe(false);
  });
});
