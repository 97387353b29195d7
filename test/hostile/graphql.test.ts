import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeType } from '../../src/schema/core/ids.ts';
import { schema } from '../../src/schema/schema.ts';
import { INSTANTS, VALID_INSTANTS } from './dictionary.ts';
import { type Call, calls, mutated } from './documents.ts';
import { hunt, huntTimeout, tellSeed } from './runs.ts';
import { jsonOf } from './values.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let anyCall: fc.Arbitrary<Call>;
let anySubscription: fc.Arbitrary<Call>;
beforeAll(async () => {
  tellSeed();
  world = await openWorld();
  const ids = { ours: world.ours.ids, theirs: world.theirs.ids };
  anyCall = calls(schema, ids, ['query', 'mutation']);
  anySubscription = calls(schema, ids, ['subscription']);
});
afterAll(async () => {
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

describe('GraphQL', () => {
  it('any operation that is valid by the schema is answered or refused with a code', {
    timeout: huntTimeout(500),
  }, async () => {
    const property = fc.asyncProperty(anyCall, async ({ query, variables }) => {
      await world.try(world.graphql({ query, variables }));
    });
    await fc.assert(property, hunt(500));
    await world.isUnharmed();
  });

  it('subscriptions report errors with a code, and end when the client disconnects', {
    timeout: huntTimeout(40),
  }, async () => {
    const property = fc.asyncProperty(anySubscription, async ({ query, variables }) => {
      await world.listen(world.graphql({ query, variables }, { accept: 'text/event-stream' }));
    });
    await fc.assert(property, hunt(40));
    await world.isUnharmed();
  });

  it('a malformed document is refused with a code', { timeout: huntTimeout(200) }, async () => {
    const property = fc.asyncProperty(mutated(anyCall.map(({ query }) => query)), async (bytes) => {
      const query = bytes.toString('utf8');
      await world.try(world.graphql({ query }));
    });
    await fc.assert(property, hunt(200));
    await world.isUnharmed();
  });

  it('a malformed body is refused with a code', { timeout: huntTimeout(200) }, async () => {
    const body = anyCall.map(({ query, variables }) => jsonOf({ query, variables }));
    const property = fc.asyncProperty(mutated(body.map((text) => text.slice(0, 20_000))), async (bytes) => {
      await world.try(world.graphql(bytes));
    });
    await fc.assert(property, hunt(200));
    await world.isUnharmed();
  });

  it('a malformed request in a URL is refused like one in a body', { timeout: huntTimeout(60) }, async () => {
    const property = fc.asyncProperty(
      anyCall,
      fc.constantFrom('{', '[]', '"', 'null', '1', ''),
      async (call, extra) => {
        const parameters = new URLSearchParams({ query: call.query });
        parameters.append('variables', extra === '' ? jsonOf(call.variables) : extra);
        if (extra !== '') parameters.append('extensions', extra);
        const path = `/graphql?${parameters}`;
        if (path.length > 15_000) return;
        const { headers = {} } = world.graphql('');
        const got = await world.try({ path, method: 'GET', headers });
        if (call.operation === 'mutation') expect(got.status).not.toBe(200);
      },
    );
    await fc.assert(property, hunt(60));
    await world.isUnharmed();
  });
});

describe('a malformed GraphQL body', () => {
  const NAME = '{ account { name } }';
  it.each<[string, unknown]>([
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '1e999'],
    ['a text', '"{ account { name } }"'],
    ['a list', '[]'],
    ['a batch', [{ query: NAME }, { query: NAME }]],
    ['a batch of 10,000', Array.from({ length: 10_000 }, () => ({ query: NAME }))],
    ['no query', {}],
    ['a query that is an object', { query: { account: 1 } }],
    ['an empty query', { query: '' }],
    ['a comment', { query: '# nothing' }],
    ['NUL', { query: '\0' }],
    ['half a surrogate pair', { query: '{ account(\ud800) { name } }' }],
    ['an unknown operation', { query: NAME, operationName: 'none' }],
    ['an operation of another form', { query: NAME, operationName: { a: 1 } }],
    ['two operations and no name', { query: `query a ${NAME} query b ${NAME}` }],
    ['two of one name', { query: `query a ${NAME} query a ${NAME}`, operationName: 'a' }],
    ['variables that are a list', { query: NAME, variables: [1] }],
    ['variables that are a text', { query: NAME, variables: '{}' }],
    ['extensions that are a text', { query: NAME, extensions: 'x' }],
    ['unknown fields', { query: NAME, __proto__x: 1, files: [] }],
    ['upload maps', { operations: { query: NAME }, map: { 0: ['variables.x'] } }],
    ['a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }],
    ['a type of its own', { query: 'type Query { x: Int }' }],
    ['a type beside a query', { query: `${NAME} extend type Query { x: Int }` }],
    ['a directive of its own', { query: '{ account @deprecated { name } }' }],
    ['defer and stream', { query: '{ account @defer { name } ...on Query @stream { account { name } } }' }],
    ['an invalid escape', '{"query":"{ account { name } }\\u"}'],
    ['a BOM', '\ufeff{"query":"{"}'],
    ['UTF-16', Buffer.from(JSON.stringify({ query: NAME }), 'utf16le')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x80, 0x7d])],
    ['JSON without an end', '{"query":"{ account { name } }'],
    ['JSON followed by more JSON', '{"query":"{ account { name } }"} {}'],
    ['brackets', '['.repeat(500_000)],
    ['a prototype', '{"__proto__":{"query":"{ account { name } }"}}'],
    ['a constructor', '{"constructor":{"prototype":{"query":"{ account { name } }"}}}'],
  ])('is answered 400: %s', async (_what, body) => {
    const got = await world.try(world.graphql(body, { accept: 'application/graphql-response+json' }));
    expect(got.status).toBe(400);
    expect(got.body).not.toContain('"ours"');
  });

  it('with a duplicate key uses only one of its values', async () => {
    const got = await world.try(world.graphql('{"query":"{ x }","query":"{ account { name } }"}'));
    expect(JSON.parse(got.body)).toEqual({ data: { account: { name: 'ours' } } });
  });
});

describe('instants that are invalid, or that a database cannot hold, cause no unexpected error', () => {
  const PLACES: [string, string][] = [
    [
      'an activity',
      'recordActivities(input: { activities: [{ kind: COMMENT, conversationId: $id, at: $at }] })',
    ],
    [
      'a promise',
      'recordActivities(input: { activities: [{ kind: MANUAL_RESPONSE_TIME, conversationId: $id, responseAt: $at }] })',
    ],
    ['a hold', 'recordActivities(input: { activities: [{ kind: HOLD, conversationId: $id, until: $at }] })'],
    ['a hold by itself', 'holdConversation(conversationId: $id, until: $at)'],
    ['an outage', 'recordOutage(channelId: $id, since: $at)'],
    ['the end of an outage', 'recordOutage(channelId: $id, since: "2026-01-01T00:00:00Z", until: $at)'],
    ['the other end of an outage', 'endOutage(outageId: $id, until: $at)'],
    ['a bulk', 'endConversations(filter: { dueBefore: $at }, by: AGENT, limit: 1)'],
  ];
  it.each(PLACES)('in %s', async (_what, field) => {
    const type = ['channelId', 'outageId'].find((name) => field.includes(`${name}: $id`)) ?? 'conversationId';
    const id =
      world.ours.ids[
        { channelId: 'Channel', outageId: 'Outage', conversationId: 'Conversation' }[type] as NodeType
      ];
    const declared = field.includes('$id') ? '($id: ID!, $at: DateTime!)' : '($at: DateTime!)';
    const query = `mutation ${declared} { ${field} { __typename ... on Error { code } } }`;
    for (const at of [...INSTANTS, ...VALID_INSTANTS])
      await world.try(world.graphql({ query, variables: field.includes('$id') ? { id, at } : { at } }));
  });

  it('in the filter of a list and in a report', async () => {
    for (const at of [...INSTANTS, ...VALID_INSTANTS]) {
      const list =
        'query ($at: DateTime!) { conversations(filter: { dueBefore: $at }) { nodes { id due { at } } } }';
      await world.try(world.graphql({ query: list, variables: { at } }));
      const report = 'query ($at: DateTime!) { report(from: $at, until: $at) { total { started } } }';
      await world.try(world.graphql({ query: report, variables: { at } }));
    }
  });
});

describe('names that every JavaScript object has', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
  it('are ordinary names of tags and variables, and are refused as adapters and settings', async () => {
    const tag =
      'mutation ($id: ID!, $tags: [String!]!) { addTags(conversationId: $id, tags: $tags) { ... on Conversation { tags } ... on Error { code } } }';
    const variables = { id: world.ours.ids.Conversation, tags: NAMES };
    const tagged = JSON.parse((await world.try(world.graphql({ query: tag, variables }))).body);
    expect(tagged.data.addTags.tags).toEqual(expect.arrayContaining(NAMES));
    for (const name of NAMES) {
      const create =
        'mutation ($input: CreateChannelInput!) { createChannel(input: $input) { ... on Error { code } } }';
      const input = (adapterId: string, settings: string) =>
        `{"query":${JSON.stringify(create)},"variables":{"input":{"name":"p","adapterId":"${adapterId}","settings":${settings}}}}`;
      const adapter = await world.try(world.graphql(input(name, '{}')));
      expect(JSON.parse(adapter.body)).toEqual({ data: { createChannel: { code: 'NOT_FOUND' } } });
      const settings = `{"secret":"a secret that is long enough","${name}":{"showSurvey":true}}`;
      const polluted = await world.try(world.graphql(input('web', settings)));
      expect(JSON.parse(polluted.body), name).toEqual({ data: { createChannel: { code: 'INVALID_INPUT' } } });
      const declared = `query ($${name}: ID!) { node(id: $${name}) { id } }`;
      const variables = `{"${name}":"${world.ours.ids.Skill}"}`;
      await world.try(world.graphql(`{"query":${JSON.stringify(declared)},"variables":${variables}}`));
    }
    const after = await world.try(world.graphql({ query: '{ account { name profile } }' }));
    expect(JSON.parse(after.body)).toEqual({
      data: { account: { name: 'ours', profile: expect.any(String) } },
    });
    await world.isUnharmed();
  });
});
