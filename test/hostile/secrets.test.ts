import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { destinationsOf, secretsOf } from '../../src/adapters/settings.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { CHANNELS } from './signing.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let collector: Server;
let theirs: string;
let connections = 0;
beforeAll(async () => {
  collector = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1');
  collector.on('connection', () => connections++);
  await once(collector, 'listening');
  theirs = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/take`;
  // With a network of their own open to them: not the address is to stop them, but what they do not know.
  world = await openWorld({ LULL_ALLOW_PRIVATE_PROVIDERS: 'true' });
});
afterAll(async () => {
  collector.close();
  await world.isUnharmed();
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

const UPDATE = `mutation ($input: UpdateChannelInput!) {
  updateChannel(input: $input) { __typename ... on Error { code } ... on SecretsNeededError { field secrets } } }`;

describe.each(CHANNELS)('a key that may configure channels, on $adapter', ({ adapter, settings }) => {
  const one = BUILT_IN.find(({ id }) => id === adapter) as (typeof BUILT_IN)[number];
  const [place = ''] = destinationsOf(one);
  const secrets = secretsOf(one);

  it('cannot send an existing secret to its own server, whatever fields it omits or invents', async () => {
    const channelId = encodeId('Channel', world.ours.channels[adapter] as string);
    const update = async (changes: object) => {
      const got = await world.try(
        world.graphql({ query: UPDATE, variables: { input: { channelId, settings: changes } } }),
      );
      return JSON.parse(got.body).data?.updateChannel ?? JSON.parse(got.body);
    };
    const rows = () =>
      world.sql`select settings from channel where id = ${world.ours.channels[adapter] as string}`;
    const before = await rows();
    const guesses = (value: unknown) => Object.fromEntries(secrets.map((name) => [name, value]));
    for (const changes of [
      { [place]: theirs },
      { [place]: theirs, ...guesses(undefined) },
      { [place]: theirs, ...guesses(null) },
      { [place]: theirs, ...guesses('') },
      { [place]: theirs, ...guesses('sealed:v1:AAAA') },
      { [place]: theirs, ...guesses([settings[secrets[0] as string]]) },
      { [place]: [theirs] },
      { [place]: ` ${theirs}`, toString: theirs },
      JSON.parse(`{"__proto__": ${JSON.stringify({ [place]: theirs })}, "${place}": "${theirs}"}`),
    ]) {
      const answer = await update(changes);
      expect(['SECRETS_NEEDED', 'INVALID_INPUT'], JSON.stringify(answer)).toContain(answer.code);
    }
    expect(await rows()).toEqual(before);
    // Replaced secrets are those of whoever replaced them; each that is not replaced keeps the channel where it is.
    if (secrets.length > 1) {
      const [first = '', ...rest] = secrets;
      const known = Object.fromEntries(rest.map((name) => [name, settings[name]]));
      expect(await update({ [place]: theirs, ...known })).toMatchObject({
        ...{ code: 'SECRETS_NEEDED', field: `settings.${place}`, secrets: [`settings.${first}`] },
      });
      expect(await rows()).toEqual(before);
    }
    expect(connections).toBe(0);
  });
});

it('cannot change the URL of an endpoint in one document without a secret that it knows', async () => {
  const endpointId = world.ours.ids.WebhookEndpoint;
  const query = `mutation ($id: ID!, $url: String!) {
    a: updateWebhookEndpoint(input: { endpointId: $id, url: $url }) { __typename ... on Error { code } }
    b: updateWebhookEndpoint(input: { endpointId: $id, url: $url, secret: "" }) { __typename ... on Error { code } }
    c: updateWebhookEndpoint(input: { endpointId: $id, url: $url, secret: null }) { __typename ... on Error { code } } }`;
  const before = await world.sql`select url, secret from webhook_endpoint order by id`;
  const url = 'https://collector.example.com/';
  const got = await world.try(world.graphql({ query, variables: { id: endpointId, url } }));
  const { a, b, c } = JSON.parse(got.body).data;
  expect([a.code, b.code, c.code]).toEqual(['SECRETS_NEEDED', 'INVALID_INPUT', 'SECRETS_NEEDED']);
  expect(await world.sql`select url, secret from webhook_endpoint order by id`).toEqual(before);
});
