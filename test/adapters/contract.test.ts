import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import byoc from '../../src/adapters/byoc.ts';
import { type AdapterSamples, adapterContract } from '../../src/adapters/contract.ts';
import inApp from '../../src/adapters/in-app.ts';
import web from '../../src/adapters/web.ts';
import { call, OWN_SAMPLES, STANDARD_SAMPLES } from './samples.ts';

describe.each([
  [web, OWN_SAMPLES],
  [inApp, OWN_SAMPLES],
  [byoc, STANDARD_SAMPLES],
])('the adapter $id', (adapter, samples) => {
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

  it('catches an adapter that its own sample settings do not fit, before anything else', async () => {
    expect((await failing(web, { ...OWN_SAMPLES, settings: { secret: 'short' } }))[0]).toBe(
      'takes its sample settings',
    );
  });

  it('has no case that no broken adapter fails', () => {
    const caught = new Set(['takes its sample settings', ...broken.flatMap((adapter) => adapter.caught)]);
    const names = adapterContract(web, OWN_SAMPLES).map(({ name }) => name);
    expect(names.filter((name) => !caught.has(name))).toEqual([]);
  });

  it('passes a handshake that answers the genuine call only, and catches one that answers all', async () => {
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
    expect(await failing(lax, samples)).toEqual([
      'answers a genuine handshake and refuses a forged one, where it has one',
    ]);
  });
});

async function failing(adapter: Adapter, samples: AdapterSamples): Promise<string[]> {
  const cases = adapterContract(adapter, samples);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_case, index) => results[index]?.status === 'rejected').map(({ name }) => name);
}
