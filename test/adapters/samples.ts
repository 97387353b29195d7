import { createHmac } from 'node:crypto';
import type { InboundEvent, InboundRequest } from '../../src/adapters/adapter.ts';
import type { AdapterSamples } from '../../src/adapters/contract/contract.ts';

export const NOW = new Date('2026-01-05T13:02:00Z');
const SECONDS = NOW.getTime() / 1000;

const client = { deliverUrl: 'https://platform.example/lull', showSurvey: true, showCloseMessage: true };
/** Settings of a web or in-app channel. */
export const OWN = { secret: 'a secret of the first channel', ...client };
const OTHER = { secret: 'a secret of the other channel', ...client };
/** Settings of a byoc channel. */
export const STANDARD = { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', ...client };
const OTHER_STANDARD = { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, ...client };

const body = JSON.stringify({
  events: [
    {
      type: 'message',
      id: 'm1',
      address: 'ada',
      sentAt: '2026-01-05T14:00:00+01:00',
      text: 'Hello, grüß Gott',
      clientVersion: '2.1',
      locale: 'de-AT',
    },
    { type: 'message', id: 'm2', address: 'bob', sentAt: '2026-01-05T13:00:01.500Z', text: null },
    { type: 'message', id: 'm3', address: 'cy', sentAt: '2026-01-05T13:00:02Z', keyword: 'OPT_OUT' },
    { type: 'typing', address: 'ada' },
    { type: 'echo', id: 'a1', address: 'ada', sender: 'AGENT', at: '2026-01-05T13:00:04Z' },
    { type: 'receipt', messageId: 'out-1', address: 'ada', state: 'READ', at: '2026-01-05T13:00:05Z' },
    { type: 'leave', id: 'e3', address: 'ada', at: '2026-01-05T13:01:00Z' },
    { type: 'end', id: 'e4', address: 'bob', by: 'BOT', at: '2026-01-05T13:01:00Z' },
  ],
});
const events: InboundEvent[] = [
  {
    kind: 'MESSAGE',
    providerMessageId: 'm1',
    address: 'ada',
    sentAt: new Date('2026-01-05T13:00:00Z'),
    text: 'Hello, grüß Gott',
    clientVersion: '2.1',
    locale: 'de-AT',
  },
  { kind: 'MESSAGE', providerMessageId: 'm2', address: 'bob', sentAt: new Date('2026-01-05T13:00:01.500Z') },
  {
    kind: 'MESSAGE',
    providerMessageId: 'm3',
    address: 'cy',
    sentAt: new Date('2026-01-05T13:00:02Z'),
    keyword: 'OPT_OUT',
  },
  {
    kind: 'ECHO',
    providerMessageId: 'a1',
    address: 'ada',
    sender: 'AGENT',
    at: new Date('2026-01-05T13:00:04Z'),
  },
  {
    kind: 'RECEIPT',
    providerMessageId: 'out-1',
    address: 'ada',
    state: 'READ',
    at: new Date('2026-01-05T13:00:05Z'),
  },
  { kind: 'LEAVE', providerEventId: 'e3', address: 'ada', at: new Date('2026-01-05T13:01:00Z') },
  { kind: 'END', providerEventId: 'e4', address: 'bob', by: 'BOT', at: new Date('2026-01-05T13:01:00Z') },
];

/** Where the sample calls go. */
export const URL_OF_CHANNEL = 'https://lull.example/webhooks/a/c';

/** A call with these headers and body. */
export function call(headers: Record<string, string>, text: string, url = URL_OF_CHANNEL): InboundRequest {
  return {
    method: 'POST',
    url,
    headers: new Headers({ 'content-type': 'application/json', ...headers }),
    body: new TextEncoder().encode(text),
  };
}

/** The header lull-signature, worked out here and not by the code under test. */
export function lullSignature(secret: string, seconds: number, text: string): Record<string, string> {
  const v1 = createHmac('sha256', secret).update(`${seconds}.${text}`).digest('hex');
  return { 'lull-signature': `t=${seconds},v1=${v1}` };
}

/** The headers of Standard Webhooks, worked out here and not by the code under test. */
export function standardSignature(secret: string, id: string, seconds: number, text: string) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const v1 = createHmac('sha256', key).update(`${id}.${seconds}.${text}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${v1}` };
}

/** Samples for the channels that sign with lull-signature. */
export const OWN_SAMPLES: AdapterSamples = {
  settings: OWN,
  otherSettings: OTHER,
  now: NOW,
  calls: [{ request: call(lullSignature(OWN.secret, SECONDS, body), body), events }],
  acceptedResponse: () => new Response(null, { status: 204 }),
};

/** Samples for the channels that sign by Standard Webhooks. */
export const STANDARD_SAMPLES: AdapterSamples = {
  ...OWN_SAMPLES,
  settings: STANDARD,
  otherSettings: OTHER_STANDARD,
  calls: [{ request: call(standardSignature(STANDARD.secret, 'msg_1', SECONDS, body), body), events }],
};

/** Samples for a channel that a setting more distinguishes from byoc. */
export const TIERED_SAMPLES: AdapterSamples = {
  ...STANDARD_SAMPLES,
  settings: { ...STANDARD, tier: 'standard' },
};
