import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post } from '../../src/delivery/webhooks/post.ts';
import { NoAnswerError, type Resolve } from '../../src/outgoing/guarded-request.ts';
import { isPrivateAddress, isPrivateHost } from '../../src/outgoing/private-address.ts';
import { openReceiver } from '../support/receiver.ts';

const NOT_PUBLIC = [
  ...[
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
  ],
  ...['172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1'],
  ...['203.0.113.9', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1', '64:ff9b::7f00:1'],
  ...['100::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '2001:db8::1'],
  ...['2001::1', '2002:7f00:1::', '3fff::1', '4000::1', '168.63.129.16', '64:ff9b:1::1'],
  ...['2a00::5efe:7f00:1', '2a00:1:2:3:0:5efe:a00:1', '2a00:1:2:3:200:5efe:808:808', '2a00::1%eth0'],
];
const PUBLIC = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...['128.0.0.0', '169.253.255.255', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
  ...[
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450::1',
    '2001:4860::8888',
  ],
];

describe('an address', () => {
  it.each(NOT_PUBLIC)('%s is not public', (address) => expect(isPrivateAddress(address)).toBe(true));
  it.each(PUBLIC)('%s is public', (address) => expect(isPrivateAddress(address)).toBe(false));
  it.each(['', 'localhost', '1.2.3', 'example.com'])('the text "%s" is not a public address', (text) =>
    expect(isPrivateAddress(text)).toBe(true),
  );
});

describe('the host of a URL', () => {
  it.each([
    ...[
      'localhost',
      'a.localhost',
      'localhost.',
      'db',
      'printer.local',
      'api.internal',
      'router.lan',
      'x.home.arpa',
    ],
    ...['localhost..', '127.0.0.1..', '*.example.com', 'a..b.example', '-a.example', 'a.b', '!.example'],
    ...['kubernetes.default.svc', 'vault.consul', 'x.onion', '1.0.0.127.in-addr.arpa', 'printer.localdomain'],
    ...['127.1', '2130706433', '0x7f.0.0.1', '017700000001', '[::1]', '[::ffff:a00:1]', '10.0.0.1.'],
  ])('%s is known not to be public', (host) =>
    expect(isPrivateHost(new URL(`https://${host}/`).hostname)).toBe(true),
  );

  it.each([
    'example.com',
    'local.example',
    'mylocalhost.example',
    '8.8.8.8',
    '[2606:4700::1111]',
    'example.com.',
    'bücher.example',
    'xn--bcher-kva.xn--p1ai',
    '_dmarc.a-b.example',
    '127.0.0.1.nip.io',
  ])('%s may be public', (host) => expect(isPrivateHost(new URL(`https://${host}/`).hostname)).toBe(false));
});

describe('a post', () => {
  let receiver: Awaited<ReturnType<typeof openReceiver>>;
  let port: string;
  beforeAll(async () => {
    receiver = await openReceiver(() => 200);
    port = new URL(receiver.url).port;
  });
  afterAll(() => receiver.close());

  /** A resolver that answers with each of its answers in turn, and the last for ever. */
  function resolver(...answers: string[][]) {
    const asked: string[] = [];
    const resolve: Resolve = async (host) => {
      asked.push(host);
      const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? [];
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };
    return { resolve, asked };
  }
  const NOT_ALLOWED = 'the address is private, loopback or link-local, which is not allowed';
  const why = (url: string, resolve: Resolve, allowPrivate = false) =>
    post(url, {}, '{}', { allowPrivate, withinMs: 2_000, resolve }).then(
      ({ status }) => `answered ${status}`,
      (error: unknown) => (error instanceof NoAnswerError ? error.message : `otherwise: ${error}`),
    );

  it('is not sent to a name with any address that is not public', async () => {
    for (const addresses of [
      ['127.0.0.1'],
      ['8.8.8.8', '10.0.0.1'],
      ['2606:4700::1111', '::1'],
      ['::ffff:7f00:1'],
    ]) {
      const { resolve, asked } = resolver(addresses);
      expect(await why(`https://hooks.example:${port}/`, resolve)).toBe(NOT_ALLOWED);
      expect(asked).toEqual(['hooks.example']);
    }
    expect(receiver.calls).toEqual([]);
  });

  it('connects to the checked addresses, with a single lookup', async () => {
    const { resolve, asked } = resolver(['127.0.0.1'], ['8.8.8.8']);
    expect(await why(`http://hooks.example:${port}/`, resolve, true)).toBe('answered 200');
    expect(asked).toEqual(['hooks.example']);
    const rebound = resolver(['192.0.2.1'], ['127.0.0.1']);
    const before = receiver.calls.length;
    expect(await why(`https://hooks.example:${port}/`, rebound.resolve)).toBe(NOT_ALLOWED);
    expect(rebound.asked).toHaveLength(1);
    expect(receiver.calls).toHaveLength(before);
  });

  it('is not sent by http or to a literal private address, unless private addresses are allowed', async () => {
    const { resolve, asked } = resolver(['8.8.8.8']);
    const before = receiver.calls.length;
    expect(await why('http://hooks.example/', resolve)).toBe('https is needed');
    for (const host of ['127.0.0.1', '[::1]', 'localhost', '2130706433'])
      expect(await why(`https://${host}:${port}/`, resolve)).toBe(NOT_ALLOWED);
    expect(asked).toEqual([]);
    expect(receiver.calls).toHaveLength(before);
    expect(await why(receiver.url, resolve, true)).toBe('answered 200');
  });

  it('fails with a reason that shows no address', async () => {
    const refused = resolver(['127.0.0.1']);
    expect(await why('http://hooks.example:1/', refused.resolve, true)).toBe('no answer: ECONNREFUSED');
    expect(await why('http://hooks.example/', resolver([]).resolve, true)).toBe(
      'the name leads to no address',
    );
    const failing: Resolve = () =>
      Promise.reject(Object.assign(new Error('at 10.0.0.53'), { code: 'ENOTFOUND' }));
    expect(await why('http://hooks.example/', failing, true)).toBe('no answer: ENOTFOUND');
    const never: Resolve = () => new Promise(() => {});
    expect(await why('http://hooks.example/', never, true)).toBe('no answer within 2 s');
  });

  it('does not wait for the response body', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(202);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const gone = new Promise((resolve) => {
      server.once('connection', (socket) => socket.once('close', resolve));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await why(url, resolver([]).resolve, true)).toBe('answered 202');
    await gone;
    server.close();
  });
});
