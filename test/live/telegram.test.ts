import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BLOCKED, HELLO, SETTINGS } from '../../examples/telegram/samples.ts';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { fakeClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { urlOf } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';

let database: TestDatabase;
let env: NodeJS.ProcessEnv;
let service: ServiceProcess;
let url: string;
let key: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const db = database.database;
  const clock = fakeClock(new Date('2026-01-05T12:00:00Z'));
  const accountId = await createAccount({ db, clock, newId: () => v7() }, { name: 'a' });
  const made = { id: v7(), now: clock.now() };
  key = await createApiKey(db, { accountId, name: 'test', scopes: SCOPES }, made);
  env = {
    DATABASE_URL: urlOf(database.address),
    PORT: '0',
    LULL_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  service = spawnService({ ...env, LULL_ADAPTERS: 'examples/telegram/telegram.ts' });
  url = (await service.running) as string;
});
afterAll(async () => {
  service.kill('SIGTERM');
  await service.ended;
  await database.drop();
});

async function ask(query: string, variables: object = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  return ((await response.json()) as { data: never }).data;
}

describe('an adapter that is not built in', () => {
  it('is run by the service like any other: its channels are created, called and ended', async () => {
    const create = `mutation ($settings: JSONObject!) {
      createChannel(input: { name: "bot", adapterId: "telegram", settings: $settings }) {
        ... on Channel { settings webhookPath } ... on Error { message } } }`;
    const { createChannel } = (await ask(create, { settings: SETTINGS })) as {
      createChannel: { settings: object; webhookPath: string };
    };
    expect(createChannel).toEqual({
      settings: { apiUrl: 'https://api.telegram.org' },
      webhookPath: expect.stringMatching(/^\/webhooks\//),
    });

    const call = (update: object, secret = SETTINGS.secretToken) =>
      fetch(url + createChannel.webhookPath, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
        body: JSON.stringify(update),
      });
    const date = Math.floor(Date.now() / 1000);
    const hello = { update_id: 1, message: { ...HELLO, date } };
    expect((await call(hello, 'a secret of somebody else')).status).toBe(401);
    for (const _ of ['first', 'again']) expect((await call(hello)).status).toBe(200);
    expect((await call({ update_id: 2, my_chat_member: { ...BLOCKED, date } })).status).toBe(200);
    const conversations = await ask(
      '{ conversations(first: 9, filter: { status: [ENDED] }) { nodes { contact { address } status ending { by reason } } } }',
    );
    expect(conversations).toEqual({
      conversations: {
        nodes: [
          { contact: { address: '4711' }, status: 'ENDED', ending: { by: 'CUSTOMER', reason: 'COMMAND' } },
        ],
      },
    });
  });

  it('is required once it has channels: without it the service names it and does not start', async () => {
    const without = spawnService(env);
    expect(await without.ended).toEqual({ code: 1, signal: null });
    expect(without.said().split('\n').at(-2)).toBe(
      'lull: the database has channels on telegram: add the modules of these adapters to LULL_ADAPTERS',
    );
  });
});
