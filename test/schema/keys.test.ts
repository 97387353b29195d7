import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const CREATE = /* GraphQL */ `
  mutation ($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      __typename
      ... on CreatedApiKey { token apiKey { id name scopes createdAt revokedAt } }
      ... on InvalidInputError { field }
      ... on ForbiddenError { scope }
    }
  }
`;
const REVOKE = /* GraphQL */ `
  mutation ($id: ID!) {
    revokeApiKey(id: $id) {
      __typename
      ... on ApiKey { id revokedAt }
      ... on InvalidInputError { field }
      ... on NotFoundError { field }
      ... on ForbiddenError { scope }
    }
  }
`;
const create = async (input: { name: string; scopes: string[] }, as?: string) =>
  (await api.ask(CREATE, { input }, as)).data.createApiKey;
const revoke = async (id: string, as?: string) => (await api.ask(REVOKE, { id }, as)).data.revokeApiKey;
const list = (as?: string) => api.ask('{ apiKeys { nodes { id name revokedAt } } }', {}, as);

describe('createApiKey', () => {
  it('creates a key that works, and shows its secret only once', async () => {
    const { token, apiKey } = await create({ name: 'desk', scopes: ['conversations:read'] });
    expect(apiKey).toMatchObject({ name: 'desk', scopes: ['conversations:read'], revokedAt: null });
    expect((await api.ask('{ account { name } }', {}, token)).data.account.name).toBe('test');
    const all = JSON.stringify([await list(), await api.engine.db.sql`select * from api_key`]);
    expect(all).toContain('desk');
    expect(all).not.toContain(token.split('_')[3]);
    expect(api.logged()).not.toContain(token.split('_')[3]);
  });

  it('refuses a scope that the caller lacks', async () => {
    const own = await api.makeKey(['keys:write', 'conversations:read']);
    expect(await create({ name: 'x', scopes: ['conversations:read', 'policies:write'] }, own)).toEqual({
      __typename: 'ForbiddenError',
      scope: 'policies:write',
    });
    expect(await create({ name: 'x', scopes: ['conversations:read'] }, own)).toMatchObject({
      __typename: 'CreatedApiKey',
    });
  });

  it.each([
    ['an unknown scope', { name: 'x', scopes: ['conversations:read', 'all'] }, 'scopes[1]'],
    ['no scope', { name: 'x', scopes: [] }, 'scopes'],
    ['no name', { name: '', scopes: ['act-as'] }, 'name'],
    ['a long name', { name: 'x'.repeat(101), scopes: ['act-as'] }, 'name'],
    ['a name that cannot be stored', { name: '\0', scopes: ['act-as'] }, 'name'],
  ])('%s is refused', async (_what, input, field) => {
    expect(await create(input)).toEqual({ __typename: 'InvalidInputError', field });
  });
});

describe('revokeApiKey', () => {
  it('revokes a key from the next request on, for ever', async () => {
    const { token, apiKey } = await create({ name: 'gone', scopes: ['conversations:read'] });
    expect(await revoke(apiKey.id)).toMatchObject({ __typename: 'ApiKey', id: apiKey.id });
    const body = JSON.stringify({ query: '{ __typename }' });
    expect((await api.post(body, { authorization: `Bearer ${token}` })).status).toBe(401);
    const first = await revoke(apiKey.id);
    api.engine.clock.advance(60_000);
    expect(await revoke(apiKey.id)).toEqual(first);
  });

  it('refuses every request that starts after the revocation was answered, however many are under way', async () => {
    const body = JSON.stringify({ query: '{ account { name } }' });
    let answered = 0;
    for (let round = 0; round < 4; round++) {
      const { token, apiKey } = await create({ name: `busy ${round}`, scopes: ['conversations:read'] });
      let isRevoked = false;
      const before: number[] = [];
      const after: number[] = [];
      const caller = async () => {
        for (let left = 3; left > 0; ) {
          const statuses = isRevoked ? after : before;
          if (isRevoked) left--;
          const response = await api.post(body, { authorization: `Bearer ${token}` });
          await response.text();
          statuses.push(response.status);
        }
      };
      const callers = Array.from({ length: 10 }, caller);
      await expect.poll(() => before.length).toBeGreaterThan(20);
      expect(await revoke(apiKey.id)).toMatchObject({ __typename: 'ApiKey' });
      isRevoked = true;
      await Promise.all(callers);
      expect(before.filter((status) => status !== 200 && status !== 401)).toEqual([]);
      expect(after).toEqual(Array(30).fill(401));
      answered += before.filter((status) => status === 200).length;
    }
    expect(answered).toBeGreaterThan(80);
  });

  it('finds no key of another account', async () => {
    const other = await createAccount(api.engine.deps, { name: 'other' });
    const theirs = await api.makeKey(['conversations:read'], other);
    const [row] = await api.engine.db.sql`select id from api_key where account_id = ${other}`;
    const id = api.id('ApiKey', row?.id);
    expect(await revoke(id)).toEqual({ __typename: 'NotFoundError', field: 'id' });
    expect((await api.ask('query ($id: ID!) { node(id: $id) { id } }', { id })).data.node).toBeNull();
    expect((await api.ask('{ account { name } }', {}, theirs)).data.account.name).toBe('other');
    expect(JSON.stringify(await list())).not.toContain(id);
  });
});

describe('the scope keys:write', () => {
  it('is sufficient to list keys', async () => {
    const key = await api.makeKey(['keys:write']);
    expect((await list(key)).errors).toBeUndefined();
  });

  it('is required to list, create, revoke and read keys', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'keys:write'));
    const { apiKey } = await create({ name: 'stays', scopes: ['conversations:read'] });
    const forbidden = [{ extensions: { code: 'FORBIDDEN', scope: 'keys:write' } }];
    expect((await list(key)).errors).toMatchObject(forbidden);
    const looked = await api.ask(
      'query ($id: ID!) { node(id: $id) { ... on ApiKey { name } } }',
      { id: apiKey.id },
      key,
    );
    expect(looked.errors).toMatchObject(forbidden);
    const refusal = { __typename: 'ForbiddenError', scope: 'keys:write' };
    expect(await create({ name: 'x', scopes: ['conversations:read'] }, key)).toEqual(refusal);
    expect(await revoke(apiKey.id, key)).toEqual(refusal);
    expect((await list()).data.apiKeys.nodes).toContainEqual(
      expect.objectContaining({ name: 'stays', revokedAt: null }),
    );
  });
});

it('keys are listed in pages, the oldest first', async () => {
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { data } = await api.ask(
      'query ($after: String) { apiKeys(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
      { after },
    );
    const { nodes, pageInfo } = data.apiKeys;
    seen.push(...nodes.map(({ id }: { id: string }) => id));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  const rows = await api.engine.db
    .sql`select id from api_key where account_id = ${api.engine.accountId} order by created_at, id`;
  expect(seen).toEqual(rows.map(({ id }) => api.id('ApiKey', id)));
  expect(seen.length).toBeGreaterThan(4);
});
