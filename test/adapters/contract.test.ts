import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import appleMessages from '../../src/adapters/channels/apple-messages/adapter.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import byocInteraction from '../../src/adapters/channels/byoc-interaction/adapter.ts';
import chatwoot from '../../src/adapters/channels/chatwoot/adapter.ts';
import inApp from '../../src/adapters/channels/in-app/adapter.ts';
import line from '../../src/adapters/channels/line/adapter.ts';
import messenger from '../../src/adapters/channels/messenger/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import twilioConversations from '../../src/adapters/channels/twilio-conversations/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import whatsapp from '../../src/adapters/channels/whatsapp/adapter.ts';
import { type AdapterSamples, adapterContract } from '../../src/adapters/contract/contract.ts';
import stampsArrival from './broken/stamps-arrival.ts';
import { CHATWOOT_SAMPLES } from './samples/chatwoot.ts';
import { INTERACTION_SAMPLES } from './samples/interactions.ts';
import { CONVERSATIONS_SAMPLES, SMS_SAMPLES } from './samples/twilio.ts';
import { WHATSAPP_SAMPLES } from './samples/whatsapp.ts';
import { call, OWN_SAMPLES, STANDARD_SAMPLES, TIERED_SAMPLES } from './samples.ts';

const TRIED: [Adapter, AdapterSamples][] = [
  [web, OWN_SAMPLES],
  [inApp, OWN_SAMPLES],
  [whatsapp, WHATSAPP_SAMPLES],
  [sms, SMS_SAMPLES],
  [messenger, TIERED_SAMPLES],
  [line, STANDARD_SAMPLES],
  [appleMessages, STANDARD_SAMPLES],
  [byoc, STANDARD_SAMPLES],
  [byocInteraction, INTERACTION_SAMPLES],
  [twilioConversations, CONVERSATIONS_SAMPLES],
  [chatwoot, CHATWOOT_SAMPLES],
];

it('the contract runs on every built-in adapter', () => {
  expect(TRIED.map(([adapter]) => adapter)).toEqual(BUILT_IN);
});

describe.each(TRIED)('the adapter $id', (adapter, samples) => {
  for (const { name, run } of adapterContract(adapter, samples)) it(name, run);
});

describe('the contract', async () => {
  const folder = new URL('./broken/', import.meta.url);
  const broken = await Promise.all(
    readdirSync(folder).map(async (file) => {
      const module: { default: Adapter; caught: string[] } = await import(new URL(file, folder).href);
      return { file, ...module };
    }),
  );

  it.each(broken)('catches $file', async ({ default: adapter, caught }) => {
    expect(await failing(adapter, OWN_SAMPLES)).toEqual(caught);
  });

  it('fails first on sample settings that the adapter rejects', async () => {
    expect((await failing(web, { ...OWN_SAMPLES, settings: { secret: 'short' } }))[0]).toBe(
      'accepts its sample settings',
    );
  });

  it('allows timestamps of arrival only for adapters that are marked undated', async () => {
    const undated: Adapter = { ...web, inbound: { ...stampsArrival.inbound, undated: true } };
    const samples: AdapterSamples = {
      ...OWN_SAMPLES,
      calls: OWN_SAMPLES.calls.map(({ request, events }) => ({
        request,
        events: events.map((event) =>
          event.kind === 'MESSAGE' ? { ...event, sentAt: OWN_SAMPLES.now } : event,
        ),
      })),
    };
    expect(await failing(undated, samples)).toEqual([]);
    expect(await failing(stampsArrival, samples)).toEqual([
      'parses a redelivered request to the same events',
    ]);
  });

  it('has a broken adapter for every case', () => {
    const caught = new Set(['accepts its sample settings', ...broken.flatMap((adapter) => adapter.caught)]);
    const names = adapterContract(web, OWN_SAMPLES).map(({ name }) => name);
    expect(names.filter((name) => !caught.has(name))).toEqual([]);
  });

  it('accepts a handshake that answers genuine requests only, and rejects one that answers all', async () => {
    const reply = { status: 200, headers: {}, body: '42' };
    const hello = (token: string): AdapterSamples['calls'][number]['request'] => ({
      ...call({}, ''),
      method: 'GET',
      url: `https://lull.example/webhooks/a/c?token=${token}&challenge=42`,
    });
    const samples = { ...OWN_SAMPLES, handshake: { genuine: hello('right'), reply, forged: hello('wrong') } };
    const strict: Adapter = {
      ...web,
      inbound: { ...web.inbound, handshake: ({ url }) => (url.includes('token=right') ? reply : null) },
    };
    const lax: Adapter = { ...web, inbound: { ...web.inbound, handshake: () => reply } };
    expect(await failing(strict, samples)).toEqual([]);
    expect(await failing(lax, samples)).toEqual(['answers a genuine handshake and rejects a forged one']);
  });
});

async function failing(adapter: Adapter, samples: AdapterSamples): Promise<string[]> {
  const cases = adapterContract(adapter, samples);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_case, index) => results[index]?.status === 'rejected').map(({ name }) => name);
}
