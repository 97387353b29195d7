import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { WEBHOOK_EVENTS } from '../../src/domain/closing/owed-effects.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { MINUTE } from '../support/engine.ts';
import { ENDPOINT, HOOK, NOBODYS, rawId, type WebhookApi, webhookApi } from '../support/webhook-api.ts';

let api: Api;
let hooks: WebhookApi;
beforeAll(async () => {
  api = await openApi();
  hooks = webhookApi(api);
});
beforeEach(async () => {
  await api.engine.db.sql`delete from webhook_endpoint`;
  await api.engine.db.sql`delete from outbox`;
});
afterAll(() => api.close());

describe('createWebhookEndpoint', () => {
  it('creates an endpoint and shows its secret only in this response', async () => {
    const { secret, endpoint } = await hooks.create(
      `url: "${HOOK}?key=hidden", events: ["conversation.ended", "conversation.started", "conversation.ended"], channelId: "${api.channel}", why: "a new desk"`,
    );
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(endpoint).toEqual({
      id: expect.any(String),
      url: `${HOOK}?key=hidden`,
      events: ['conversation.ended', 'conversation.started'],
      channel: { id: api.channel },
      createdAt: api.engine.clock.now().toISOString(),
      ...{ disabledAt: null, failures: 0, heldBackUntil: null, formerSecretUntil: null },
      deliveries: { nodes: [] },
    });
    expect(await hooks.list()).toEqual([endpoint]);
    const { sql } = api.engine.db;
    const kept = [
      await hooks.list(),
      await sql`select * from webhook_endpoint`,
      await sql`select * from rules_version`,
    ];
    expect(JSON.stringify(kept)).not.toContain(secret.slice('whsec_'.length));
    expect(api.logged()).not.toContain(secret.slice('whsec_'.length));
    const { data } = await api.ask(
      '{ rulesVersions(first: 1) { nodes { kind channel { id } why before after } } }',
    );
    expect(data.rulesVersions.nodes).toEqual([
      {
        ...{ kind: 'ENDPOINT', channel: { id: api.channel }, why: 'a new desk', before: null },
        after: {
          endpointId: endpoint.id,
          host: 'hooks.example.com',
          events: ['conversation.ended', 'conversation.started'],
          disabledAt: null,
        },
      },
    ]);
  });

  it('can subscribe to every event, and gets the events after its creation', async () => {
    await api.engine.writes('before');
    const { endpoint } = await hooks.made(JSON.stringify(WEBHOOK_EVENTS));
    await api.engine.writes('after');
    const owed = await api.engine.db.sql`select endpoint_id, payload->>'type' as type from outbox`;
    expect([...owed]).toEqual([{ endpoint_id: rawId(endpoint.id), type: 'conversation.started' }]);
  });

  it.each([
    [
      'an unknown event',
      `url: "${HOOK}", events: ["conversation.ended", "conversation.vanished"]`,
      'events[1]',
    ],
    ['no event', `url: "${HOOK}", events: []`, 'events'],
    ['a malformed address', 'url: "hooks", events: ["case_closed"]', 'url'],
    ['an empty address', 'url: "", events: ["case_closed"]', 'url'],
    ['an address without a host', 'url: "https://", events: ["case_closed"]', 'url'],
    ['an address of another protocol', 'url: "ftp://hooks.example.com", events: ["case_closed"]', 'url'],
    ['an http address', 'url: "http://hooks.example.com", events: ["case_closed"]', 'url'],
    ['an address with a user', 'url: "https://ann:pw@hooks.example.com", events: ["case_closed"]', 'url'],
    ['an address that is too long', `url: "${HOOK}/${'x'.repeat(2000)}", events: ["case_closed"]`, 'url'],
    ['an address that cannot be stored', `url: "${HOOK}/\\u0000", events: ["case_closed"]`, 'url'],
    ['a loopback address', 'url: "https://127.0.0.1/", events: ["case_closed"]', 'url'],
    ['a loopback address written as a number', 'url: "https://2130706433/", events: ["case_closed"]', 'url'],
    [
      'a private address written as IPv6',
      'url: "https://[::ffff:10.0.0.1]/", events: ["case_closed"]',
      'url',
    ],
    [
      'the metadata address of a cloud',
      'url: "https://169.254.169.254/latest", events: ["case_closed"]',
      'url',
    ],
    ['a local name', 'url: "https://localhost:4400/", events: ["case_closed"]', 'url'],
  ])('%s is refused, and nothing is changed', async (_what, input, field) => {
    const before = (await api.ask('{ account { rulesVersion } }')).data;
    expect(await hooks.create(input)).toMatchObject({
      __typename: 'InvalidInputError',
      field,
      allowed: expect.any(String),
    });
    expect((await api.ask('{ account { rulesVersion } }')).data).toEqual(before);
    expect(await hooks.list()).toEqual([]);
  });

  it('private addresses and http are accepted if the operator allows them', async () => {
    api.deps.allowPrivateWebhooks = true;
    const { endpoint } = await hooks.create('url: "http://127.0.0.1:9/", events: ["case_closed"]');
    api.deps.allowPrivateWebhooks = false;
    expect(endpoint).toMatchObject({ url: 'http://127.0.0.1:9/' });
  });

  it('refuses an unknown channel, and a 51st endpoint until one is deleted', async () => {
    const none = api.id('Channel', NOBODYS);
    expect(await hooks.create(`url: "${HOOK}", events: ["case_closed"], channelId: "${none}"`)).toMatchObject(
      {
        ...{ __typename: 'NotFoundError', field: 'channelId' },
      },
    );
    for (let count = 0; count < 49; count++) await hooks.made();
    const { endpoint } = await hooks.made();
    expect(await hooks.made()).toMatchObject({
      __typename: 'OutOfBoundsError',
      field: 'webhookEndpoints',
      max: '50',
    });
    await hooks.remove(endpoint.id);
    expect(await hooks.made()).toMatchObject({ secret: expect.any(String) });
  });
});

describe('an endpoint', () => {
  it('is updated in part, and the history records that the address changed, but not the address', async () => {
    const { endpoint } = await hooks.made();
    const update = (input: string) =>
      hooks.mutate(
        'updateWebhookEndpoint',
        `input: { endpointId: "${endpoint.id}", ${input} }`,
        `... on WebhookEndpoint { ${ENDPOINT} }`,
      );
    expect(await update('events: ["case_closed"]')).toEqual({ ...endpoint, events: ['case_closed'] });
    const moved = {
      ...endpoint,
      events: ['case_closed'],
      url: `${HOOK}/moved`,
      channel: { id: api.channel },
    };
    const secret = `secret: "whsec_${'n'.repeat(32)}"`;
    expect(await update(`url: "${HOOK}/moved", ${secret}, channelId: "${api.channel}"`)).toEqual(moved);
    const { data } = await api.ask('{ rulesVersions(first: 1) { nodes { after } } }');
    expect(data.rulesVersions.nodes[0].after).toEqual({
      ...{ endpointId: endpoint.id, host: 'hooks.example.com', events: ['case_closed'], disabledAt: null },
      urlChanged: true,
    });
    expect(await update(`url: "https://10.0.0.1/", ${secret}`)).toMatchObject({ field: 'url' });
    expect(await update('events: ["x"]')).toMatchObject({ field: 'events[0]' });
    expect(await update('channelId: null')).toEqual({ ...moved, channel: null });
  });

  it('can change its address only with a new secret in the same call, and no former secret signs from then on', async () => {
    const { endpoint } = await hooks.made();
    await hooks.rotate(endpoint.id);
    const update = (input: string) =>
      hooks.mutate(
        'updateWebhookEndpoint',
        `input: { endpointId: "${endpoint.id}", ${input} }`,
        `... on WebhookEndpoint { url formerSecretUntil } ... on SecretsNeededError { field secrets }`,
      );
    const { sql } = api.engine.db;
    const kept = async () => await sql`select url, secret, previous_secret from webhook_endpoint`;
    const before = await kept();
    expect(await update('url: "https://elsewhere.example.com/"')).toEqual({
      ...{ __typename: 'SecretsNeededError', code: 'SECRETS_NEEDED', field: 'url', secrets: ['secret'] },
      message: 'url: another address needs secret anew in the same call',
    });
    expect(await update('url: "https://elsewhere.example.com/", secret: "short"')).toMatchObject({
      ...{ __typename: 'InvalidInputError', field: 'secret' },
    });
    expect(await update(`url: "${HOOK}", secret: "whsec_${'n'.repeat(32)}"`)).toMatchObject({
      ...{ __typename: 'InvalidInputError', field: 'secret' },
    });
    expect(await kept()).toEqual(before);
    const given = `whsec_${'n'.repeat(32)}`;
    expect(await update(`url: "https://elsewhere.example.com/", secret: "${given}"`)).toEqual({
      ...{ url: 'https://elsewhere.example.com/', formerSecretUntil: null },
    });
    const [after] = await kept();
    expect([after?.secret === before[0]?.secret, after?.previous_secret]).toEqual([false, null]);
    expect(api.settingsVault.open(after?.secret)).toBe(given);
  });

  it.each([
    ...['localhost..', '127.0.0.1..', 'example.com:0', '*.example.com', 'a..example.com', '-a.example.com'],
    ...['kubernetes.default.svc', 'vault.consul', '1.0.0.127.in-addr.arpa', '168.63.129.16', 'a.b'],
    ...['[2a00::5efe:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '１２７.0.0.1', '127%2e0.0.1'],
  ])('is refused with the unusual or internal host %s', async (host) => {
    expect(await hooks.create(`url: "https://${host}/", events: ["case_closed"]`)).toMatchObject({
      ...{ __typename: 'InvalidInputError', field: 'url' },
    });
  });

  it('is disabled and enabled, and a call repeated under its idempotency key changes nothing', async () => {
    const { endpoint } = await hooks.made();
    const disabledAt = api.engine.clock.now().toISOString();
    const disabled = await hooks.on(
      'disableWebhookEndpoint',
      endpoint.id,
      ', idempotencyKey: "off", why: "noise"',
    );
    expect(disabled).toEqual({ ...endpoint, disabledAt });
    await api.engine.writes('unheard');
    await api.engine.does('unheard', { kind: 'END', by: 'CUSTOMER' });
    expect([...(await api.engine.db.sql`select * from outbox`)]).toEqual([]);
    expect(await hooks.on('enableWebhookEndpoint', endpoint.id)).toEqual(endpoint);
    const again = await hooks.on(
      'disableWebhookEndpoint',
      endpoint.id,
      ', idempotencyKey: "off", why: "noise"',
    );
    expect(again).toEqual(endpoint);
    const conflict = await hooks.on('enableWebhookEndpoint', endpoint.id, ', idempotencyKey: "off"');
    expect(conflict).toMatchObject({ __typename: 'ConflictError' });
  });

  it('gets a new secret that is shown once, and formerSecretUntil says until when the former one also signs', async () => {
    const { endpoint, secret } = await hooks.made();
    const rotated = await hooks.rotate(endpoint.id);
    const until = new Date(api.engine.clock.now().getTime() + 24 * 60 * MINUTE);
    expect(rotated.endpoint).toEqual({ ...endpoint, formerSecretUntil: until.toISOString() });
    expect(rotated.secret).toMatch(/^whsec_/);
    expect(rotated.secret).not.toBe(secret);
    const { data } = await api.ask('{ rulesVersions(first: 1) { nodes { kind after } } }');
    expect(data.rulesVersions.nodes[0]).toMatchObject({
      kind: 'ENDPOINT',
      after: { endpointId: endpoint.id, secretRotatedAt: api.engine.clock.now().toISOString() },
    });
    api.engine.clock.advance(24 * 60 * MINUTE);
    expect((await hooks.list())[0].formerSecretUntil).toBe(null);
  });

  it('is deleted for good, and no query or mutation finds it or its deliveries', async () => {
    const { endpoint } = await hooks.made();
    const delivery = await hooks.delivered(endpoint.id, 200);
    const deleted = await hooks.remove(endpoint.id);
    expect(deleted).toEqual({ endpoints: [] });
    expect(await hooks.list()).toEqual([]);
    for (const id of [endpoint.id, delivery])
      expect((await api.ask(`{ node(id: "${id}") { id } }`)).data).toEqual({ node: null });
    for (const name of ['enableWebhookEndpoint', 'disableWebhookEndpoint'])
      expect(await hooks.on(name, endpoint.id)).toMatchObject({
        __typename: 'NotFoundError',
        field: 'endpointId',
      });
    const redelivered = await hooks.mutate('redeliverWebhook', `deliveryId: "${delivery}"`, '__typename');
    expect(redelivered).toMatchObject({ __typename: 'NotFoundError', field: 'deliveryId' });
  });

  it('has heldBackUntil while its circuit breaker is open', async () => {
    const { endpoint } = await hooks.made();
    const until = new Date(api.engine.clock.now().getTime() + MINUTE);
    const now = api.engine.clock.now();
    await api.engine.db.sql`
      insert into circuit_breaker (account_id, destination_id, kind, failures, why, opened_at, retry_at)
      values (${api.engine.accountId}, ${rawId(endpoint.id)}, 'ENDPOINT', 10, 'answered 500', ${now}, ${until})`;
    expect((await hooks.list())[0]).toMatchObject({ failures: 10, heldBackUntil: until.toISOString() });
    api.engine.clock.advance(MINUTE);
    expect((await hooks.list())[0]).toMatchObject({ failures: 10, heldBackUntil: null });
    expect(await hooks.on('enableWebhookEndpoint', endpoint.id)).toMatchObject({ failures: 0 });
  });

  it('requires accounts:write, also to be read', async () => {
    const { endpoint } = await hooks.made();
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'accounts:write'));
    const refused = [{ extensions: expect.objectContaining({ code: 'FORBIDDEN', scope: 'accounts:write' }) }];
    for (const query of [
      '{ webhookEndpoints { id } }',
      `{ node(id: "${endpoint.id}") { ... on WebhookEndpoint { url } } }`,
    ])
      expect((await api.ask(query, {}, key)).errors).toMatchObject(refused);
    expect(await hooks.create(`url: "${HOOK}", events: ["case_closed"]`, key)).toMatchObject({
      __typename: 'ForbiddenError',
    });
  });

  it('is not visible to another account', async () => {
    const { endpoint } = await hooks.made();
    const key = await api.makeKey(SCOPES, await createAccount(api.engine.deps, { name: 'other' }));
    expect((await api.ask('{ webhookEndpoints { id } }', {}, key)).data).toEqual({ webhookEndpoints: [] });
    const test = await hooks.mutate('sendTestWebhook', `endpointId: "${endpoint.id}"`, '__typename', key);
    expect(test).toMatchObject({ __typename: 'NotFoundError', field: 'endpointId' });
  });
});
