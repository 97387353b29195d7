import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { readBody } from '../../src/http/body.ts';
import { openBodyBudget } from '../../src/http/body-memory.ts';
import type { Api } from './open-api.ts';
import {
  type Channels,
  hub,
  type Init,
  openWebhookApi,
  SMS_IN,
  twilio,
  type Webhooks,
} from './webhook-calls.ts';

let world: Webhooks;
let api: Api;
let channels: Channels;
let other: { accountId: string; channelId: string };
beforeAll(async () => {
  world = await openWebhookApi();
  ({ api, channels } = world);
  const accountId = await createAccount(api.engine.deps, { name: 'other' });
  other = { accountId, channelId: await world.open('web', accountId) };
});
afterAll(() => api.close());

describe('a refused call changes nothing', () => {
  const body = () => JSON.stringify({ events: [world.message('refused', 'refused')] });
  it.each<[string, () => [path: string, init: Init], number]>([
    ['no signature', () => [world.pathOf(channels.web), { body: body() }], 401],
    [
      'another’s signature',
      () => [world.pathOf(channels.web), world.wire([world.message('r', 'r')], { secret: 'x'.repeat(16) })],
      401,
    ],
    [
      'a stale timestamp',
      () => [
        world.pathOf(channels.web),
        world.wire([world.message('r', 'r')], { at: world.seconds() - 301 }),
      ],
      401,
    ],
    [
      'a timestamp in the future',
      () => [
        world.pathOf(channels.web),
        world.wire([world.message('r', 'r')], { at: world.seconds() + 301 }),
      ],
      401,
    ],
    ['another body', () => [world.pathOf(channels.web), { ...world.wire([]), body: body() }], 401],
    ['WhatsApp’s, unsigned', () => [world.pathOf(channels.whatsapp), { body: '{}' }], 401],
    ['WhatsApp’s, by another app', () => [world.pathOf(channels.whatsapp), hub('{}', 'another secret')], 401],
    [
      'SMS, for another URL',
      () => [world.pathOf(channels.sms), twilio(SMS_IN, 'https://elsewhere.example')],
      401,
    ],
    ['truncated JSON', () => [world.pathOf(channels.web), world.wire(body().slice(0, -2))], 400],
    ['an empty body', () => [world.pathOf(channels.web), world.wire('')], 400],
    ['JSON that is not an object', () => [world.pathOf(channels.web), world.wire('null')], 400],
    ['another form', () => [world.pathOf(channels.web), world.wire('{"events": 1}')], 400],
    [
      'over 1,000 events',
      () => [world.pathOf(channels.web), world.wire(Array(1_001).fill({ type: 'typing' }))],
      400,
    ],
    ['a GET where there is no handshake', () => [world.pathOf(channels.web), { method: 'GET' }], 405],
    ['another method', () => [world.pathOf(channels.web), { ...world.wire([]), method: 'PUT' }], 405],
    [
      'another account’s channel',
      () => [world.pathOf(other.channelId), world.wire([world.message('r', 'r')])],
      404,
    ],
    [
      'another account',
      () => [world.pathOf(channels.web, other.accountId), world.wire([world.message('r', 'r')])],
      404,
    ],
    ['no channel', () => [world.pathOf('018f0000-0000-7000-8000-000000000000'), world.wire([])], 404],
    ['a malformed id', () => [world.pathOf("' or '1'='1"), world.wire([])], 404],
    ['no path', () => ['/webhooks/', world.wire([])], 404],
    ['a longer path', () => [`${world.pathOf(channels.web)}/x`, world.wire([])], 404],
  ])('a call with or from: %s', async (_, refused, status) => {
    const before = await world.counts();
    const [path, init] = refused();
    const response = await world.call(path, init);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: expect.any(String) } }] });
    expect(await world.counts()).toEqual(before);
    if (status === 405) expect(response.headers.get('allow')).toContain('POST');
  });

  it('a body of 10 MB is answered 413 before all of it has arrived, with or without a content-length', async () => {
    for (const announced of [true, false]) {
      const headers = announced ? { 'content-length': 10_000_000 } : {};
      const sent = request(`${api.server.url}${world.pathOf(channels.web)}`, { method: 'POST', headers });
      sent.on('error', () => {});
      const answered = once(sent, 'response');
      const part = Buffer.alloc(announced ? 1_000 : 1024 * 1024 + 1, 'x');
      sent.write(part);
      const [response] = await answered;
      expect([announced, response.statusCode, response.headers.connection]).toEqual([
        announced,
        413,
        'close',
      ]);
      sent.destroy();
    }
  });

  it('a body that does not arrive in time is answered 408 and disconnected', async () => {
    const server = createServer(async (incoming, response) => {
      const budget = openBodyBudget({ bytes: 10_000, placeBytes: 10_000 });
      const owner = { place: 'a channel', sender: 'somebody' };
      const limits = { maxBytes: 1_000, withinMs: 50, budget, owner, admission: { refused: () => {} } };
      expect(await readBody(incoming, response, limits)).toBeNull();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nslow');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    server.close();
  });
});
