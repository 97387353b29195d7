import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adapter, OutboundMessage } from '../../src/adapters/adapter.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { parseWire } from '../../src/adapters/shared/wire.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';
import { lullSignature, NOW, OWN, STANDARD, standardSignature } from './samples.ts';

const parse = (value: unknown) => parseWire(new TextEncoder().encode(JSON.stringify(value)));
const message = { type: 'message', id: 'm1', address: 'ada', sentAt: '2026-01-05T13:00:00Z' };

describe('parseWire', () => {
  it('parses the valid events and names the invalid ones', () => {
    const inbound = parse({
      events: [message, { ...message, sentAt: 'yesterday' }, null, { id: 'm3' }, { ...message, id: 'm4' }],
    });
    expect(inbound.events.map((event) => event.kind === 'MESSAGE' && event.providerMessageId)).toEqual([
      'm1',
      'm4',
    ]);
    expect(inbound.malformed.map(({ field }) => field)).toEqual([
      'events[1].sentAt',
      'events[2]',
      'events[3].type',
    ]);
  });

  it('counts events of unknown types as ignored', () => {
    expect(parse({ events: [{ type: 'typing' }, { type: 'toString' }, message] })).toMatchObject({
      ignored: 2,
      malformed: [],
    });
  });

  it.each([
    ['an empty id', { id: '' }, 'id'],
    ['an id too long to store', { id: 'x'.repeat(256) }, 'id'],
    ['a NUL in an id', { id: 'a\u0000b' }, 'id'],
    ['half a surrogate pair in an id', { id: 'a\ud800b' }, 'id'],
    ['half a surrogate pair in an address', { address: '\udc00' }, 'address'],
    ['a number for an address', { address: 7 }, 'address'],
    ['a time without its zone', { sentAt: '2026-01-05T13:00:00' }, 'sentAt'],
    ['a day that is not', { sentAt: '2026-02-30T13:00:00Z' }, 'sentAt'],
    ['a text that is none', { text: { body: 'Hello' } }, 'text'],
    ['a keyword that is none', { keyword: 'STOP' }, 'keyword'],
    ['a locale that is none', { locale: 'de_AT' }, 'locale'],
  ])('refuses %s and never shows it', (_what, change, field) => {
    const { events, malformed } = parse({ events: [{ ...message, ...change }] });
    expect(events).toEqual([]);
    expect(malformed).toMatchObject([{ field: `events[0].${field}` }]);
    expect(malformed[0]?.allowed).not.toContain(String(Object.values(change)[0]) || 'never');
  });

  it.each([
    ['echo', 'sender', 'CUSTOMER'],
    ['echo', 'sender', undefined],
    ['end', 'by', 'CUSTOMER'],
    ['end', 'by', 'AUTOMATION'],
  ])('refuses an event of type %s whose %s is %s', (type, field, value) => {
    const event = { type, id: 'e1', address: 'ada', at: '2026-01-05T13:00:00Z', [field]: value };
    expect(parse({ events: [event] })).toMatchObject({
      events: [],
      malformed: [{ field: `events[0].${field}` }],
    });
  });

  it('parses the sender of an echo and the ender of an end', () => {
    const at = '2026-01-05T13:00:00Z';
    const echoes = ['AGENT', 'BOT', 'AUTOMATION'].map((sender) => ({ type: 'echo', id: sender, sender }));
    const ends = ['AGENT', 'BOT'].map((by) => ({ type: 'end', id: by, by }));
    const { events } = parse({ events: [...echoes, ...ends].map((one) => ({ ...one, address: 'ada', at })) });
    const common = { address: 'ada', at: new Date(at) };
    expect(events).toEqual([
      ...echoes.map(({ id, sender }) => ({ kind: 'ECHO', providerMessageId: id, sender, ...common })),
      ...ends.map(({ id, by }) => ({ kind: 'END', providerEventId: id, by, ...common })),
    ]);
  });

  it.each([
    ['', 'body'],
    ['{"events":[', 'body'],
    ['null', 'body'],
    ['{}', 'body.events'],
    ['{"events":{}}', 'body.events'],
    [JSON.stringify({ events: Array(1001).fill(message) }), 'body.events'],
  ])('rejects a malformed body', (body, field) => {
    const call = () => parseWire(new TextEncoder().encode(body));
    expect(call).toThrow(InvalidInputError);
    expect(call).toThrow(expect.objectContaining({ field }));
  });

  it('rejects bytes that are not UTF-8', () => {
    const body = Buffer.from(JSON.stringify({ events: [message] }));
    body[body.indexOf('ada')] = 0xff;
    expect(() => parseWire(body)).toThrow(InvalidInputError);
  });
});

describe('deliver, to a platform on the loopback', () => {
  let answer: RequestListener = () => {};
  const got: { headers: IncomingHttpHeaders; body: string; url: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ headers: request.headers, body, url: request.url ?? '' });
    answer(request, response);
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const goodbye: OutboundMessage = {
    id: '019b0000-0000-7000-8000-00000000c0de',
    conversationId: '019b0000-0000-7000-8000-000000000001',
    address: 'ada',
    kind: 'CLOSE_MESSAGE',
    text: 'Auf Wiedersehen, grüß Gott',
  };
  const send = (adapter: Adapter, settings: object, signal = new AbortController().signal) => {
    got.length = 0;
    const { port } = server.address() as AddressInfo;
    const parsed = parseSettings(adapter, { deliverUrl: `http://127.0.0.1:${port}/lull`, ...settings });
    return adapter.deliver(goodbye, { settings: parsed, fetch, now: () => NOW, signal });
  };
  const own = { secret: OWN.secret };
  const answering = (status: number, headers: Record<string, string> = {}) => {
    answer = (_request, response) => response.writeHead(status, headers).end('text');
  };

  it('posts the message once, signed with lull-signature', async () => {
    answering(200);
    expect(await send(web, own)).toEqual({ outcome: 'ACCEPTED', providerMessageId: goodbye.id });
    expect(got).toHaveLength(1);
    const [{ headers, body } = { headers: {}, body: '' }] = got;
    expect(JSON.parse(body)).toEqual(goodbye);
    expect(headers).toMatchObject(lullSignature(OWN.secret, NOW.getTime() / 1000, body));
  });

  it('signs by Standard Webhooks on byoc, with the id of the message', async () => {
    answering(200);
    await send(byoc, { secret: STANDARD.secret });
    const [{ headers, body } = { headers: {}, body: '' }] = got;
    expect(headers).toMatchObject(standardSignature(STANDARD.secret, goodbye.id, NOW.getTime() / 1000, body));
  });

  it.each([
    [429, { 'retry-after': '120' }, 120_000],
    [503, { 'retry-after': 'Mon, 05 Jan 2026 13:02:30 GMT' }, 30_000],
    [503, { 'retry-after': 'Mon, 05 Jan 2026 12:00:00 GMT' }, 0],
    [503, { 'retry-after': 'soon' }, null],
    [500, {}, null],
    [408, {}, null],
  ])('retries after %i with %j', async (status, headers, afterMs) => {
    answering(status, headers);
    expect(await send(web, own)).toEqual({
      ...{ outcome: 'RETRY', afterMs },
      ...(status === 429 && { isLimited: true }),
    });
  });

  it.each([400, 401, 404, 410])('rejects the message after %i', async (status) => {
    answering(status);
    expect(await send(web, own)).toEqual({ outcome: 'REJECTED', reason: `the provider answered ${status}` });
  });

  it('does not follow a redirect', async () => {
    answering(307, { location: '/elsewhere' });
    expect(await send(web, own)).toEqual({ outcome: 'REJECTED', reason: 'the provider answered 307' });
    expect(got.map(({ url }) => url)).toEqual(['/lull']);
  });

  it('throws if the receiver closes the connection or the call times out', async () => {
    answer = (request) => request.socket.destroy();
    await expect(send(web, own)).rejects.toThrow();
    const controller = new AbortController();
    answer = () => controller.abort(new Error('time is up'));
    await expect(send(web, own, controller.signal)).rejects.toThrow('time is up');
  });

  it('sends nothing without deliverUrl and returns ACCEPTED', async () => {
    expect(await send(web, { ...own, deliverUrl: undefined })).toEqual({
      outcome: 'ACCEPTED',
      providerMessageId: null,
    });
    expect(got).toEqual([]);
  });
});
