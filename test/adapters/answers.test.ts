import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import chatwoot from '../../src/adapters/channels/chatwoot/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import twilioConversations from '../../src/adapters/channels/twilio-conversations/adapter.ts';
import whatsapp from '../../src/adapters/channels/whatsapp/adapter.ts';
import { goodbyeTo, openProvider } from './provider.ts';
import { CHATWOOT } from './samples/chatwoot.ts';
import { CONVERSATIONS, SMS } from './samples/twilio.ts';
import { WHATSAPP } from './samples/whatsapp.ts';

type Sender = {
  adapter: Adapter;
  settings: object;
  place: string;
  address: string;
  /** An answer that took the message, the id that it names, and one that refused it with this code. */
  took: unknown;
  id: string;
  refused: (code: number) => unknown;
};
const twilio = { took: { sid: 'SM1', status: 'queued' }, id: 'SM1', refused: (code: number) => ({ code }) };
const SENDERS: Sender[] = [
  {
    adapter: whatsapp,
    settings: WHATSAPP,
    place: 'graphUrl',
    address: '16505551234',
    took: { messaging_product: 'whatsapp', messages: [{ id: 'wamid.1' }] },
    id: 'wamid.1',
    refused: (code) => ({ error: { message: `(#${code}) EAAG-the-access-token`, code } }),
  },
  { adapter: sms, settings: SMS, place: 'apiUrl', address: '+15550123', ...twilio },
  {
    adapter: twilioConversations,
    settings: CONVERSATIONS,
    place: 'apiUrl',
    address: 'CH1',
    ...twilio,
  },
  {
    adapter: chatwoot,
    settings: CHATWOOT,
    place: 'baseUrl',
    address: '10',
    took: { id: 121 },
    id: '121',
    refused: () => ({ error: 'no' }),
  },
];

const provider = openProvider();

describe.each(SENDERS)(
  'sending by $adapter.id',
  ({ adapter, settings, place, address, took, id, refused }) => {
    const send = (signal?: AbortSignal) =>
      provider.send(adapter, { ...settings, [place]: provider.url() }, goodbyeTo(address), signal);

    it('sends one request and returns the id of the response', async () => {
      provider.answers(200, took);
      expect(await send()).toEqual({ outcome: 'ACCEPTED', providerMessageId: id });
      expect(provider.got).toHaveLength(1);
    });

    it.each([
      ['no JSON', 'thanks'],
      ['JSON without an id', {}],
      ['null', null],
    ])('returns ACCEPTED without an id for a 2xx response with %s', async (_what, body) => {
      provider.answers(201, body);
      expect(await send()).toEqual({ outcome: 'ACCEPTED', providerMessageId: null });
    });

    it.each([400, 401, 403, 404, 422])(
      'rejects the message after a %i, with a reason that shows no secret',
      async (status) => {
        provider.answers(status, refused(77));
        const code = adapter === chatwoot ? '' : ' with code 77';
        expect(await send()).toEqual({
          outcome: 'REJECTED',
          reason: `the provider answered ${status}${code}`,
        });
      },
    );

    it.each([
      [429, { 'retry-after': '17' }, 17_000],
      [429, {}, null],
      [500, {}, null],
      [503, { 'retry-after': 'Mon, 05 Jan 2026 13:02:30 GMT' }, 30_000],
      [408, {}, null],
    ])('retries after a %i with %j', async (status, headers, afterMs) => {
      provider.answers(status, refused(77), headers);
      expect(await send()).toEqual({
        ...{ outcome: 'RETRY', afterMs },
        ...(status === 429 && { isLimited: true }),
      });
    });

    it('does not follow a redirect with the credentials', async () => {
      provider.answers(307, {}, { location: '/elsewhere' });
      expect(await send()).toEqual({ outcome: 'REJECTED', reason: 'the provider answered 307' });
      expect(provider.got).toHaveLength(1);
    });

    it('throws if the connection is cut or the call times out', async () => {
      provider.does((request) => request.socket.resetAndDestroy());
      await expect(send()).rejects.toThrow();
      const controller = new AbortController();
      provider.does(() => controller.abort(new Error('time is up')));
      await expect(send(controller.signal)).rejects.toThrow('time is up');
    });

    it('returns ACCEPTED for a compression bomb, an oversized body and JSON of 300,000 levels', async () => {
      const gone = { outcome: 'ACCEPTED', providerMessageId: null };
      for (const [headers, body] of [
        [{ 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20), { level: 1 })],
        [{}, Buffer.alloc(8 * 1024 * 1024, 0x20)],
        [{}, Buffer.from('['.repeat(300_000))],
      ] as const) {
        provider.does((_request, response) => {
          response.on('error', () => {});
          response.writeHead(200, headers).end(body);
        });
        expect(await send()).toEqual(gone);
      }
    });

    it('returns ACCEPTED for a 2xx response whose body is truncated', async () => {
      provider.does((request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{');
        setImmediate(() => request.socket.destroy());
      });
      expect(await send()).toEqual({ outcome: 'ACCEPTED', providerMessageId: null });
    });
  },
);
