import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WEBHOOK_EVENTS } from '../../src/domain/closing/owed-effects.ts';
import { PROFILES } from '../../src/domain/policy/profiles.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';
import { inBandErrors } from '../support/in-band-errors.ts';
import { root } from '../support/run.ts';
import { webhookApi } from '../support/webhook-api.ts';
import { openSender, openSubscriber } from '../support/webhook-world.ts';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const REQUEST = /<!-- ([\w-]+) -->\n```graphql\n([\s\S]*?)```\n(?:\n```json\n([\s\S]*?)```\n)?/g;
const requests = [...page.matchAll(REQUEST)].map(([, name, query, answer]) => ({
  name: name as string,
  query: query as string,
  answer: answer ?? null,
}));
const receiver = /```js\n([\s\S]*?)```/.exec(page)?.[1] as string;
const body = /<!-- body -->\n```json\n([\s\S]*?)```/.exec(page)?.[1] as string;

let api: Api;
let hooks: ReturnType<typeof webhookApi>;
let sender: ReturnType<typeof openSender>;
beforeAll(async () => {
  // Receivers compare timestamps with the real time.
  api = await openApi(new Date());
  api.deps.allowPrivateWebhooks = true;
  hooks = webhookApi(api);
  sender = openSender(api.engine);
  Object.assign(sender.deps.vault, api.deps.vault);
});
afterAll(() => api.close());

/** Replaces values that differ in each run by their type. */
function normalised(text: string): unknown {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== 'string') return value;
    if (/^\d{4}-\d\d-\d\dT/.test(value)) return 'an instant';
    if (/^whsec_[\w+/]{43}=$/.test(value)) return 'a secret';
    if (/^[0-9a-f-]{36}$/.test(value)) return 'an id';
    const decoded = Buffer.from(value, 'base64').toString('utf8');
    return /^[A-Za-z]+:[\w:-]+$/.test(decoded) ? decoded.split(':')[0] : value;
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

describe('docs/webhooks.md', () => {
  const variables: Record<string, string> = {};

  it('shows exactly the requests that this test runs, and lists every event', () => {
    expect(requests).toHaveLength((page.match(/```graphql/g) ?? []).length);
    for (const event of WEBHOOK_EVENTS) expect(page).toContain(`\n| \`${event}\` | `);
    const quiet = Object.values(PROFILES).filter(({ caseClosedOn }) => caseClosedOn === 'MANUAL_ENDS');
    const named = quiet.map((profile) => profile.id).join(' and ');
    expect(page).toContain(`under the profiles ${named} not for ends by a timer`);
  });

  it.each(requests)('$name: the request does what the page describes', async ({ name, query, answer }) => {
    const declared = Object.entries(variables).filter(([variable]) => query.includes(`$${variable}:`));
    const given = await api.ask(query, Object.fromEntries(declared));
    expect(given.errors).toBeUndefined();
    if (answer !== null) expect(normalised(JSON.stringify(given))).toEqual(normalised(answer));
    else expect(inBandErrors(given.data)).toEqual([]);
    if (name !== 'create') return;
    variables.endpoint = given.data.createWebhookEndpoint.endpoint.id;
    variables.delivery = await hooks.delivered(variables.endpoint as string, 503);
  });

  it('shows the body of an event as it is sent', async () => {
    const { engine } = api;
    const subscriber = await openSubscriber();
    await hooks.create(`url: "${subscriber.url}", events: ["conversation.ended"]`);
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await engine.writes('a customer');
    await engine.answers('a customer');
    await engine.runUntil(new Date(engine.clock.now().getTime() + 2 * HOUR));
    await sender.relay();
    subscriber.close();
    expect(subscriber.calls.map((call) => normalised(call.body))).toEqual([normalised(body)]);
    for (const field of Object.keys(JSON.parse(body))) expect(page).toContain(`\`${field}\``);
  });

  it('shows a receiver that accepts a genuine call once and refuses forged ones', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/lull`;
    const { endpoint, secret } = await hooks.create(`url: "${url}", events: ["conversation.ended"]`);
    const { PATH } = process.env;
    const child = spawn(process.execPath, ['--input-type=module', '-e', receiver], {
      cwd: root,
      env: { PATH, PORT: String(port), LULL_WEBHOOK_SECRET: secret },
    });
    try {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const forged = () => fetch(url, { method: 'POST', body: '{"type":"test"}' });
      expect((await vi.waitFor(forged, { timeout: 60_000, interval: 50 })).status).toBe(401);
      // The clock of the engine has advanced; the receiver uses the real time.
      const now = Math.floor(Date.now() / 1000) * 1000;
      api.engine.clock.advance(now - api.engine.clock.now().getTime());
      await hooks.mutate('sendTestWebhook', `endpointId: "${endpoint.id}"`, '__typename');
      await sender.relay();
      const { data } = await api.ask(
        `{ node(id: "${endpoint.id}") { ... on WebhookEndpoint { deliveries { nodes { id type status error } } } } }`,
      );
      const [delivery] = data.node.deliveries.nodes;
      expect(data.node.deliveries.nodes).toEqual([
        { id: delivery.id, type: 'test', status: 204, error: null },
      ]);
      await hooks.mutate('redeliverWebhook', `deliveryId: "${delivery.id}"`, '__typename');
      await sender.relay();
      expect(
        await sender.log(Buffer.from(endpoint.id, 'base64').toString().split(':')[1] as string),
      ).toMatchObject([{ status: 204 }, { status: 204 }]);
      await vi.waitFor(() => expect(said.trim()).toBe('test'), { timeout: 60_000 });
    } finally {
      child.kill();
    }
  });
});
