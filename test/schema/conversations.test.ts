import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi(at('12:00'));
});
afterAll(() => api.close());

const one = async (query: string, globalId: string) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${query} } }`, { id: globalId })).data
    .conversation;
/** Creates an answered conversation, whose auto close timer runs. */
async function answered(address: string, more: Record<string, unknown> = {}): Promise<string> {
  const where = { channelId: api.channel, address };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...more },
    { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId;
}

describe('a conversation', () => {
  it('LP-3 names the contact’s previous conversation', async () => {
    const where = { channelId: api.channel, address: 'again' };
    await api.engine.policy({ reopenWithin: 'PT0S' });
    const [first] = await api.record({ kind: 'INBOUND', ...where }, { kind: 'END', ...where, by: 'AGENT' });
    const [second] = await api.record({ kind: 'INBOUND', ...where });
    expect(second.conversationId).not.toBe(first.conversationId);
    expect(
      await one('previous { id ending { reason by latenessMs } previous { id } }', second.conversationId),
    ).toEqual({
      previous: {
        id: first.conversationId,
        ending: { reason: 'COMMAND', by: 'AGENT', latenessMs: null },
        previous: null,
      },
    });
  });

  it('SP-12 has a feed in pages, the oldest event first', async () => {
    const id = await answered('feed');
    await api.record(...['a', 'b', 'c'].map((tag) => ({ kind: 'TAG', conversationId: id, add: [tag] })));
    const page = (args: string) =>
      one(
        `revision feed(${args}) { edges { cursor node { revision kind actor effect status } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`,
        id,
      );
    const first = await page('first: 2');
    expect(first.revision).toBe(5);
    expect(first.feed.edges.map((edge: { node: object }) => edge.node)).toEqual([
      { revision: 1, kind: 'INBOUND', actor: 'CONSUMER', effect: 'STARTED', status: 'WAITING' },
      { revision: 2, kind: 'OUTBOUND', actor: 'AGENT', effect: null, status: 'ACTIVE' },
    ]);
    expect(first.feed.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const rest = await page(`first: 3, after: "${first.feed.pageInfo.endCursor}"`);
    expect(rest.feed.edges.map((edge: { node: { revision: number } }) => edge.node.revision)).toEqual([
      3, 4, 5,
    ]);
    expect(rest.feed.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const nothing = await page(`after: "${rest.feed.pageInfo.endCursor}"`);
    expect(nothing.feed).toMatchObject({ edges: [], pageInfo: { hasNextPage: false, endCursor: null } });
  });

  it('is found by node(id:); an unknown id is null', async () => {
    const id = await answered('node');
    const node =
      '{ node(id: $id) { __typename id ... on Conversation { status } ... on Agent { name } ... on Account { name } } }';
    const ask = async (globalId: string) =>
      (await api.ask(`query ($id: ID!) ${node}`, { id: globalId })).data.node;
    expect(await ask(id)).toEqual({ __typename: 'Conversation', id, status: 'ACTIVE' });
    expect(await ask(api.ann)).toEqual({ __typename: 'Agent', id: api.ann, name: 'ann' });
    const account = api.id('Account', api.engine.accountId);
    expect(await ask(account)).toEqual({ __typename: 'Account', id: account, name: 'test' });
    for (const type of ['Account', 'Agent', 'Channel', 'Contact', 'Conversation', 'Skill'] as const) {
      expect(await ask(api.id(type, api.engine.deps.newId())), type).toBeNull();
      expect(await ask(api.id(type, atob(id).split(':')[1] ?? '')), type).toEqual(
        type === 'Conversation' ? expect.anything() : null,
      );
    }
  });

  it('a malformed id is INVALID_INPUT and never reaches the database', async () => {
    const bad = [
      '',
      'x',
      'Conversation',
      btoa('Conversation'),
      btoa('Conversation:'),
      btoa('Conversation:1'),
      btoa('Nothing:1'),
    ];
    const before = api.statements();
    for (const id of [...bad, btoa("Conversation:' or true --"), btoa(`Query:${api.engine.accountId}`)])
      for (const field of ['node', 'conversation']) {
        const { data, errors } = await api.ask(`query ($id: ID!) { ${field}(id: $id) { id } }`, { id });
        expect(data[field], id).toBeNull();
        expect(errors, id).toMatchObject([{ extensions: { code: 'INVALID_INPUT', field: 'id' } }]);
      }
    // Only the lookup of the key for each request.
    expect(api.statements() - before).toBe(2 * (bad.length + 2));
  });
});

describe('lists', () => {
  it('conversations are listed newest first, in pages, with filters', async () => {
    const address = (n: number) => ({ channelId: api.channel, address: `list ${n}` });
    const skillId = api.sales;
    const made = await api.record(
      ...[1, 2, 3, 4, 5].map((n) => ({ kind: 'INBOUND', ...address(n), ...(n % 2 ? { skillId } : {}) })),
    );
    const ids = made.map((result: { conversationId: string }) => result.conversationId);
    await api.record({ kind: 'ASSIGN', conversationId: ids[4], agentId: api.bob });
    const list = async (args: string) => {
      const answer = await api.ask(
        `{ conversations(${args}) { edges { node { id } } pageInfo { hasNextPage endCursor } } }`,
      );
      const { edges, pageInfo } = answer.data.conversations;
      return { ids: edges.map((edge: { node: { id: string } }) => edge.node.id), ...pageInfo };
    };
    const first = await list('first: 2');
    expect(first).toMatchObject({ ids: [ids[4], ids[3]], hasNextPage: true });
    expect((await list(`first: 2, after: "${first.endCursor}"`)).ids).toEqual([ids[2], ids[1]]);
    const waiting = `status: [WAITING], skillId: "${skillId}", awaiting: AGENT, channelId: "${api.channel}"`;
    expect((await list(`filter: { ${waiting} }`)).ids).toEqual([ids[2], ids[0]]);
    expect((await list(`filter: { agentId: "${api.bob}" }`)).ids).toEqual([ids[4]]);
    expect((await list('filter: { status: [] }')).ids).toEqual([]);
  });

  it('channels, skills and agents are sorted by name', async () => {
    const { data } = await api.ask(
      '{ channels { edges { node { id name } } } skills { edges { node { name } } } agents(first: 1) { edges { node { name } } pageInfo { endCursor } } }',
    );
    expect(data.channels.edges).toEqual([{ node: { id: api.channel, name: 'web' } }]);
    expect(data.skills.edges).toEqual([{ node: { name: 'care' } }, { node: { name: 'sales' } }]);
    expect(data.agents.edges).toEqual([{ node: { name: 'ann' } }]);
    const next = await api.ask(
      'query ($after: String) { agents(after: $after) { edges { node { name } } } }',
      {
        after: data.agents.pageInfo.endCursor,
      },
    );
    expect(next.data.agents.edges).toEqual([{ node: { name: 'bob' } }]);
  });

  it('a page size out of bounds, an invalid cursor and an unknown filter id are refused by name', async () => {
    const error = async (args: string) => {
      const { errors } = await api.ask(`{ conversations(${args}) { edges { cursor } } }`);
      return errors?.[0]?.extensions;
    };
    for (const first of [0, -1, 201, 10001])
      expect(await error(`first: ${first}`)).toEqual({
        code: 'OUT_OF_BOUNDS',
        field: 'first',
        min: '1',
        max: '200',
      });
    const event = btoa('event:1');
    for (const cursor of [
      '',
      'x',
      event,
      btoa('conversation:1'),
      btoa("conversation:' or true"),
      btoa('conversation:\0'),
    ])
      expect(await error(`after: "${cursor}"`), cursor).toMatchObject({
        code: 'INVALID_INPUT',
        field: 'after',
      });
    expect(await error(`filter: { skillId: "${api.id('Skill', api.engine.deps.newId())}" }`)).toEqual({
      code: 'NOT_FOUND',
      field: 'filter.skillId',
    });
    expect(await error(`filter: { agentId: "${api.channel}" }`)).toMatchObject({ field: 'filter.agentId' });
    const { errors } = await api.ask('{ agents(after: "YWdlbnQ6AA") { edges { cursor } } }');
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' });
  });

  it('a page of any size uses the same number of statements', async () => {
    const skillId = api.sales;
    const agentId = api.bob;
    await api.record(
      ...Array.from({ length: 60 }, (_, n) => ({ channelId: api.channel, address: `page ${n}` })).flatMap(
        (where) => [
          { kind: 'INBOUND', ...where, skillId },
          { kind: 'END', ...where, by: 'AGENT', agentId },
          { kind: 'INBOUND', ...where, skillId },
          { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId },
        ],
      ),
    );
    const cost = async (first: number) => {
      const before = api.statements();
      const { data, errors } = await api.ask(
        `query ($first: Int!) { conversations(first: $first) { edges { node {
          id status awaiting tags endsAt due { at timer willDo origin { scope } }
          channel { name } skill { name } agent { name } contact { address channel { name } }
          previous { id status agent { name } ending { reason creditedAgent { name } } }
          feed(first: 3) { edges { node { kind agent { name } skill { name } } } }
        } } } }`,
        { first },
      );
      expect(errors).toBeUndefined();
      expect(data.conversations.edges).toHaveLength(first);
      expect(data.conversations.edges[0].node).toMatchObject({
        due: { timer: 'AUTO_CLOSE', origin: { scope: 'PROFILE' } },
        agent: { name: 'bob' },
        previous: { status: 'ENDED' },
      });
      return api.statements() - before;
    };
    await cost(1);
    const small = await cost(5);
    expect(await cost(50)).toBe(small);
    expect(small).toBeLessThanOrEqual(15);
  });
});

describe('reading', () => {
  it('requires conversations:read for every query except those of keys and endpoints', async () => {
    const writer = await api.makeKey(['activities:write', 'policies:write']);
    const id = await answered('read');
    const queries: Record<string, string> = {
      account: '{ account { name } }',
      adapters: '{ adapters { __typename } }',
      agents: '{ agents { edges { cursor } } }',
      apiKeys: '{ apiKeys { __typename } }',
      calendars: '{ calendars { edges { cursor } } }',
      channels: '{ channels { edges { cursor } } }',
      conversation: `{ conversation(id: "${id}") { id } }`,
      conversations: '{ conversations { edges { cursor } } }',
      events: '{ events { edges { cursor } } }',
      eventsCursor: '{ eventsCursor }',
      outages: '{ outages { edges { cursor } } }',
      node: `{ node(id: "${id}") { id } }`,
      pauses: '{ pauses { __typename } }',
      policyLayers: '{ policyLayers { __typename } }',
      report: '{ report(from: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z") { from } }',
      rulesVersions: '{ rulesVersions { edges { cursor } } }',
      runs: '{ runs { edges { cursor } } }',
      undelivered: '{ undelivered { edges { cursor } } }',
      skills: '{ skills { edges { cursor } } }',
      webhookEndpoints: '{ webhookEndpoints { __typename } }',
    };
    const scopes: Record<string, string> = { apiKeys: 'keys:write', webhookEndpoints: 'accounts:write' };
    for (const [name, query] of Object.entries(queries)) {
      const { data, errors } = await api.ask(query, {}, writer);
      expect(Object.values(data ?? {}).filter(Boolean), query).toEqual([]);
      const scope = scopes[name] ?? 'conversations:read';
      expect(errors, query).toMatchObject([{ extensions: { code: 'FORBIDDEN', scope } }]);
    }
    const { data } = await api.ask('{ __schema { queryType { fields { name } } } }');
    const names = data.__schema.queryType.fields.map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(Object.keys(queries).sort());
  });
});
