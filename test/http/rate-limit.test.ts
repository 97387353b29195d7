import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRateLimit } from '../../src/http/rate-limit.ts';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { fakeClock } from '../support/clock.ts';
import { type Api, HTTP_OPTIONS } from './open-api.ts';
import { type Channels, openWebhookApi, type Webhooks } from './webhook-calls.ts';

let world: Webhooks;
let api: Api;
let channels: Channels;
const servers: HttpServer[] = [];
beforeAll(async () => {
  world = await openWebhookApi();
  ({ api, channels } = world);
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await api.close();
});

async function serve(options: Partial<typeof HTTP_OPTIONS>): Promise<HttpServer> {
  const server = await startHttp(api.deps, { ...HTTP_OPTIONS, ...options });
  servers.push(server);
  return server;
}
const ask = (server: HttpServer, key: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/graphql?query={__typename}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
  });

/** Checks every part of a refusal. */
async function expectTooOften(response: Response, max: number): Promise<void> {
  const seconds = Number(response.headers.get('retry-after'));
  expect([response.status, seconds > 0, seconds <= 60]).toEqual([429, true, true]);
  expect(await response.json()).toMatchObject({
    errors: [{ extensions: { code: 'RATE_LIMITED', max, retryAfterSeconds: seconds } }],
  });
}

describe('a rate limit', () => {
  it('counts a minute from the first request, and then starts anew', () => {
    const clock = fakeClock(new Date('2026-03-02T12:00:00Z'));
    const limit = openRateLimit(clock, 2);
    expect([limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([0, 0, 0]);
    clock.advance(15_000);
    expect(limit.take('a')).toBe(45_000);
    clock.advance(45_000);
    expect(limit.take('a')).toBe(0);
  });

  it('remembers a bounded number of callers', () => {
    const clock = fakeClock(new Date('2026-03-02T12:00:00Z'));
    const limit = openRateLimit(clock, 1, 3);
    for (const who of ['a', 'b', 'c']) expect([limit.take(who), limit.take(who) > 0]).toEqual([0, true]);
    expect(limit.take('d')).toBe(0);
    // The oldest entry was dropped for it.
    expect(limit.take('a')).toBe(0);
    expect(limit.take('d')).toBeGreaterThan(0);
  });
});

describe('the rate limit', () => {
  it('of an account covers all of its keys and no other account', async () => {
    const server = await serve({ requestsPerMinute: 100, accountRequestsPerMinute: 4 });
    const keys = await Promise.all(Array.from({ length: 5 }, () => api.makeKey(['conversations:read'])));
    const answers: Response[] = [];
    for (const key of keys) answers.push(await ask(server, key));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
    await expectTooOften(answers[4] as Response, 4);
    const { createAccount } = await import('../../src/accounts/setup.ts');
    const other = await createAccount(api.engine.deps, { name: 'another one' });
    expect((await ask(server, await api.makeKey(['conversations:read'], other))).status).toBe(200);
  });

  it('of an address counts requests without a valid key, and valid keys from there are accepted', async () => {
    const server = await serve({ unknownRequestsPerMinute: 2 });
    expect((await ask(server, 'x')).status).toBe(401);
    expect((await ask(server, `${api.key.slice(0, -1)}x`)).status).toBe(401);
    await expectTooOften(await ask(server, 'y'), 2);
    expect((await ask(server, api.key)).status).toBe(200);
  });

  it('of an address counts calls without a valid signature, and genuine calls from there are accepted', async () => {
    const server = await serve({ unknownRequestsPerMinute: 2 });
    const path = world.pathOf(channels.web);
    expect((await world.call(path, { body: '{}' }, server.url)).status).toBe(401);
    expect((await world.call('/webhooks/a/b', { body: '{}' }, server.url)).status).toBe(404);
    await expectTooOften(await world.call(path, { body: '{}' }, server.url), 2);
    await expectTooOften(await world.call('/webhooks/a/b', { body: '{}' }, server.url), 2);
    const genuine = world.wire([world.message('limited', 'limited')]);
    expect((await world.call(path, genuine, server.url)).status).toBe(200);
    // Frequent refusals are no longer logged.
    const refusals = api.logged().split('a call that is not genuine was refused').length - 1;
    expect(refusals).toBe(1);
  });

  it('of an address uses the client address that a trusted proxy names', async () => {
    const server = await serve({ unknownRequestsPerMinute: 1, trustedProxies: ['127.0.0.1'] });
    const from = (address: string) => ask(server, 'x', { 'x-forwarded-for': address });
    expect([(await from('192.0.2.1')).status, (await from('192.0.2.2')).status]).toEqual([401, 401]);
    expect((await from('192.0.2.1')).status).toBe(429);
  });
});
