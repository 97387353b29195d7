import { Webhook } from 'standardwebhooks';
import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, it } from 'vitest';
import type { Adapter, InboundRequest } from '../../src/adapters/adapter.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import byocInteraction from '../../src/adapters/channels/byoc-interaction/adapter.ts';
import chatwoot from '../../src/adapters/channels/chatwoot/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import twilioConversations from '../../src/adapters/channels/twilio-conversations/adapter.ts';
import whatsapp from '../../src/adapters/channels/whatsapp/adapter.ts';
import type { AdapterSamples } from '../../src/adapters/contract/contract.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { CHATWOOT, CHATWOOT_SAMPLES, CREATED, chatwootCall } from './samples/chatwoot.ts';
import { INTERACTION_SAMPLES } from './samples/interactions.ts';
import {
  CONVERSATIONS,
  CONVERSATIONS_SAMPLES,
  formCall,
  jsonCall,
  SMS,
  SMS_IN,
  SMS_SAMPLES,
} from './samples/twilio.ts';
import { WHATSAPP_SAMPLES } from './samples/whatsapp.ts';
import { call, NOW, STANDARD, STANDARD_SAMPLES, URL_OF_CHANNEL } from './samples.ts';

type Signed = { adapter: Adapter; samples: AdapterSamples; signature: string; url: boolean };
const SIGNED: Signed[] = [
  { adapter: whatsapp, samples: WHATSAPP_SAMPLES, signature: 'x-hub-signature-256', url: false },
  { adapter: sms, samples: SMS_SAMPLES, signature: 'x-twilio-signature', url: true },
  {
    adapter: twilioConversations,
    samples: CONVERSATIONS_SAMPLES,
    signature: 'x-twilio-signature',
    url: true,
  },
  { adapter: byoc, samples: STANDARD_SAMPLES, signature: 'webhook-signature', url: false },
  { adapter: byocInteraction, samples: INTERACTION_SAMPLES, signature: 'webhook-signature', url: false },
  { adapter: chatwoot, samples: CHATWOOT_SAMPLES, signature: 'x-chatwoot-signature', url: false },
];

const isTaken = async (adapter: Adapter, settings: unknown, request: InboundRequest, now = NOW) =>
  await adapter.inbound.verify(request, {
    settings: parseSettings(adapter, settings),
    fetch,
    now: () => now,
    signal: new AbortController().signal,
  });
const withHeader = (request: InboundRequest, name: string, value: string) => {
  const headers = new Headers(request.headers);
  headers.set(name, value);
  return { ...request, headers };
};
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

describe.each(SIGNED)('a request to $adapter.id', ({ adapter, samples, signature, url }) => {
  const taken = (request: InboundRequest) => isTaken(adapter, samples.settings, request);

  it('is accepted as signed, and rejected with any byte of its body changed', async () => {
    for (const { request } of samples.calls) {
      expect(await taken(request)).toBe(true);
      for (const index of request.body.keys())
        for (const bit of [1, 2, 128]) {
          const body = Uint8Array.from(request.body);
          body[index] = (body[index] as number) ^ bit;
          expect(await taken({ ...request, body }), `byte ${index}`).toBe(false);
        }
    }
  });

  it('is rejected with a shorter, longer or empty body', async () => {
    for (const { request } of samples.calls)
      for (const body of [request.body.slice(0, -1), Buffer.concat([request.body, Buffer.from('x')])])
        expect(await taken({ ...request, body })).toBe(false);
  });

  it('is rejected with any character of its signature changed, removed or added', async () => {
    for (const { request } of samples.calls) {
      const genuine = request.headers.get(signature) as string;
      for (const changed of changes(genuine))
        expect(await taken(withHeader(request, signature, changed)), changed).toBe(false);
    }
  });

  it(`is rejected with any character of its URL changed: ${url}`, async () => {
    for (const { request } of samples.calls)
      for (const changed of changes(request.url))
        expect(await taken({ ...request, url: changed }), changed).toBe(!url);
  });
});

describe('signatures with a timestamp', () => {
  it.each([
    [-301, false],
    [-300, true],
    [300, true],
    [301, false],
  ])('a request of Chatwoot is accepted %i s later: %s', async (seconds, taken) => {
    expect(await isTaken(chatwoot, CHATWOOT, chatwootCall(CREATED), later(seconds))).toBe(taken);
  });

  it.each([
    [-301, false],
    [-300, true],
    [300, true],
    [301, false],
  ])('a request of byoc is accepted %i s later: %s', async (seconds, taken) => {
    const [one] = STANDARD_SAMPLES.calls;
    expect(await isTaken(byoc, STANDARD, one?.request as InboundRequest, later(seconds))).toBe(taken);
  });

  it('rejects a later timestamp with the old signature', async () => {
    const moved = withHeader(chatwootCall(CREATED), 'x-chatwoot-timestamp', String(NOW.getTime() / 1000 + 1));
    expect(await isTaken(chatwoot, CHATWOOT, moved)).toBe(false);
  });
});

it('accepts a request signed by the Standard Webhooks library', async () => {
  const body = '{"events":[]}';
  const headers = {
    'webhook-id': 'msg_2',
    'webhook-timestamp': String(NOW.getTime() / 1000),
    'webhook-signature': new Webhook(STANDARD.secret).sign('msg_2', NOW, body),
  };
  expect(await isTaken(byoc, STANDARD, call(headers, body))).toBe(true);
});

describe("Twilio's signature", () => {
  const portless = 'https://lull.example/webhooks/a/c';

  it.each([
    ['left out', portless, 'https://lull.example:8443/webhooks/a/c'],
    ['left out', portless, 'https://lull.example:443/webhooks/a/c'],
    ['put in', 'https://lull.example:443/webhooks/a/c', portless],
    ['put in', 'http://lull.example:80/webhooks/a/c?x=1', 'http://lull.example/webhooks/a/c?x=1'],
    ['kept', 'https://lull.example:8443/webhooks/a/c', 'https://lull.example:8443/webhooks/a/c'],
    ['left out', 'http://[::1]/c', 'http://[::1]:3000/c'],
  ])('accepts a URL with the port %s, like the library of Twilio', async (_how, signedUrl, url) => {
    const request = { ...formCall(SMS_IN, signedUrl), url };
    const signature = request.headers.get('x-twilio-signature') as string;
    expect(validateRequest(SMS.authToken, signature, url, SMS_IN)).toBe(true);
    expect(await isTaken(sms, SMS, request)).toBe(true);
  });

  it('covers a parameter that occurs twice', async () => {
    const names = { Body: 'Hello', MediaUrl: ['https://b.example', 'https://a.example'] };
    const signature = getExpectedTwilioSignature(SMS.authToken, URL_OF_CHANNEL, names);
    const body = 'Body=Hello&MediaUrl=https%3A%2F%2Fb.example&MediaUrl=https%3A%2F%2Fa.example';
    expect(await isTaken(sms, SMS, call({ 'x-twilio-signature': signature }, body))).toBe(true);
  });

  it('does not cover JSON whose hash is not in the URL', async () => {
    const { body, headers } = jsonCall({ EventType: 'onMessageAdded' });
    const signature = getExpectedTwilioSignature(SMS.authToken, URL_OF_CHANNEL, {});
    const request = { method: 'POST', url: URL_OF_CHANNEL, headers: new Headers(headers), body };
    request.headers.set('x-twilio-signature', signature);
    expect(await isTaken(twilioConversations, CONVERSATIONS, request)).toBe(false);
  });
});

/** The text with each of its characters in turn replaced by its neighbour, with one cut off and one added. */
function changes(text: string): string[] {
  const neighbour = (index: number) => String.fromCharCode(text.charCodeAt(index) ^ 1);
  const replaced = [...text].map(
    (_, index) => text.slice(0, index) + neighbour(index) + text.slice(index + 1),
  );
  return [...replaced, text.slice(0, -1), `${text}x`].filter((changed) => changed.trim() !== text);
}
