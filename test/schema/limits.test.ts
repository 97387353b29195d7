import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { costOf } from '../../src/schema/core/cost.ts';
import { MAX } from '../../src/schema/core/limits.ts';
import { schema } from '../../src/schema/schema.ts';
import { type Api, HTTP_OPTIONS, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

/** `{ a { a { … } } }`, nested this deep with fields that return their own type. */
function nested(depth: number): string {
  const fields = ['conversations(first: 1)', 'nodes'];
  for (let at = fields.length; at < depth - 1; at++) fields.push('previous');
  return `${fields.map((field) => `{ ${field} `).join('')}{ id }${' }'.repeat(fields.length)}`;
}

const refused = (limit: keyof typeof MAX) => [
  { extensions: { code: 'TOO_COMPLEX', limit, max: MAX[limit] } },
];

describe('a query', () => {
  it('is refused above the maximum depth', async () => {
    expect((await api.ask(nested(MAX.depth))).errors).toBeUndefined();
    expect((await api.ask(nested(MAX.depth + 1))).errors).toMatchObject(refused('depth'));
  });

  it('is measured through fragments, too', async () => {
    const nestedIn = (fields: number) => `${'{ previous '.repeat(fields)}{ id }${' }'.repeat(fields)}`;
    const query = `{ conversations(first: 1) { nodes { ...rest } } } fragment rest on Conversation ${nestedIn(MAX.depth - 2)}`;
    expect((await api.ask(query)).errors).toMatchObject(refused('depth'));
  });

  it('is refused above the maximum number of aliases', async () => {
    const wide = (count: number) =>
      `{ ${Array.from({ length: count }, (_, at) => `a${at}: account { name }`).join(' ')} }`;
    expect((await api.ask(wide(MAX.aliases))).errors).toBeUndefined();
    expect((await api.ask(wide(MAX.aliases + 1))).errors).toMatchObject(refused('aliases'));
  });

  it('is refused above the maximum number of tokens', async () => {
    const long = (count: number) =>
      `{ conversations(filter: { status: [${'NEW '.repeat(count)}] }, first: 1) { nodes { id } } }`;
    expect((await api.ask(long(MAX.tokens - 30))).errors).toBeUndefined();
    expect((await api.ask(long(MAX.tokens + 1))).errors).toMatchObject(refused('tokens'));
  });

  it('is refused before the database is read', async () => {
    const query = '{ conversations(first: 200) { nodes { feed(first: 200) { nodes { agent { name } } } } } }';
    await api.ask('{ account { name } }');
    const before = api.statements();
    const { data, errors } = await api.ask(query);
    expect(errors).toMatchObject(refused('cost'));
    expect(data).toBeFalsy();
    // Only the lookup of the key.
    expect(api.statements() - before).toBe(1);
  });

  it('is refused or accepted depending on its variables', async () => {
    const query =
      'query ($first: Int!) { conversations(first: $first) { nodes { feed(first: 200) { nodes { agent { name } } } } } }';
    expect((await api.ask(query, { first: 10 })).errors).toBeUndefined();
    expect((await api.ask(query, { first: 200 })).errors).toMatchObject(refused('cost'));
    expect((await api.ask(query, { first: 10 })).errors).toBeUndefined();
  });

  it('is answered if it is the introspection query of tools', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const { data, errors } = await api.ask(getIntrospectionQuery());
    expect(errors).toBeUndefined();
    expect(data.__schema.types.length).toBeGreaterThan(20);
  });

  it('is refused as a subscription above the maximum event cost', async () => {
    const query =
      'subscription { conversationChanged { feed(first: 200) { nodes { agent { id } a: agent { id } skill { id } } } b: feed(first: 200) { nodes { agent { id } } } } }';
    const within = costOf({ schema, document: parse(query) }).cost;
    expect(within).toBeGreaterThan(1_000);
    expect(within).toBeLessThan(MAX.cost);
    const times = Math.ceil(MAX.cost / within);
    const fields = query.slice(query.indexOf('{ feed') + 2, query.lastIndexOf(' } }'));
    const again = Array.from({ length: times }, (_, at) =>
      fields
        .replaceAll(/(?:b: )?feed\(/g, (match) => `${match.startsWith('b') ? 'd' : 'c'}${at}: feed(`)
        .replaceAll('a: agent', 'agent'),
    );
    const response = await api.post(
      JSON.stringify({ query: `subscription { conversationChanged { ${again.join(' ')} } }` }),
      { accept: 'text/event-stream' },
    );
    expect(await response.text()).toContain('TOO_COMPLEX');
    expect(api.subscribers()).toBe(0);
  });
});

describe('the cost of a query', () => {
  const cost = (query: string, variableValues: Record<string, unknown> = {}) =>
    costOf({ schema, document: parse(query), variableValues }).cost;

  it.each([
    ['fields without a selection', '{ __typename }', 0],
    ['one object', '{ account { id name } }', 1],
    [
      'an object within an object',
      '{ account { policy { autoClose origins { autoClose { __typename } } } } }',
      4,
    ],
    ['a page', '{ conversations(first: 10) { nodes { id } } }', 1 + 10],
    [
      'a page of the default size',
      '{ conversations { nodes { id } } agents { nodes { id } } }',
      1 + 20 + 1 + 100,
    ],
    ['a page from the end', '{ conversations(last: 10) { nodes { id } } }', 1 + 10],
    [
      'a page of pages',
      '{ conversations(first: 10) { nodes { feed(first: 5) { nodes { kind } } } } }',
      1 + 10 * (2 + 1 + 5),
    ],
    [
      'a fragment',
      '{ conversations(first: 10) { ...page } } fragment page on ConversationConnection { nodes { id } }',
      1 + 10,
    ],
    [
      'an inline fragment',
      '{ conversations(first: 10) { ... on ConversationConnection { nodes { id } } } }',
      1 + 10,
    ],
    ['a page of an invalid size', '{ conversations(first: -1) { nodes { id } } }', 1 + 1],
    ['the schema', '{ __schema { types { name } } }', 0],
  ])('counts %s', (_what, query, expected) => {
    expect(cost(query)).toBe(expected);
  });

  it('uses variables and their defaults', () => {
    const query = 'query ($first: Int! = 7) { conversations(first: $first) { nodes { id } } }';
    expect(cost(query)).toBe(1 + 7);
    expect(cost(query, { first: 100 })).toBe(1 + 100);
    expect(cost(query, { first: 'x' })).toBe(0);
  });

  it('counts a selection once for each item of a list in the input', () => {
    const query = `mutation ($input: RecordActivitiesInput!) {
      recordActivities(input: $input) { ... on RecordedActivities { results { conversation { id } } } }
    }`;
    const activities = Array.from({ length: 1000 }, () => ({ kind: 'COMMENT' }));
    expect(cost(query, { input: { activities } })).toBe(1 + 1000 * 2);
  });

  it('is computed without delay if each fragment spreads the next one twice', () => {
    const count = 60;
    const fragments = Array.from(
      { length: count },
      (_, at) =>
        `fragment f${at} on Account { a: policy { autoClose } ${at + 1 < count ? `...f${at + 1} ...f${at + 1}` : ''} }`,
    );
    expect(cost(`{ account { ...f0 } } ${fragments.join(' ')}`)).toBeGreaterThan(2 ** 59);
  });
});

describe('the rate limit', () => {
  let server: HttpServer;
  const PER_MINUTE = 3;
  beforeAll(async () => {
    server = await startHttp(api.deps, { ...HTTP_OPTIONS, requestsPerMinute: PER_MINUTE });
  });
  afterAll(() => server.close());

  const ask = (key: string) =>
    fetch(`${server.url}/graphql?query={__typename}`, { headers: { authorization: `Bearer ${key}` } });

  it('refuses a key above its requests per minute, with the time to retry', async () => {
    for (let count = 0; count < PER_MINUTE; count++) expect((await ask(api.key)).status).toBe(200);
    const refusal = await ask(api.key);
    expect(refusal.status).toBe(429);
    const seconds = Number(refusal.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await refusal.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', max: PER_MINUTE, retryAfterSeconds: seconds } }],
    });
  });

  it('counts each key on its own and does not count requests without a key', async () => {
    expect((await ask(await api.makeKey(['conversations:read']))).status).toBe(200);
    for (let count = 0; count <= PER_MINUTE; count++) expect((await ask('x')).status).toBe(401);
  });
});
