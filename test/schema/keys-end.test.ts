import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createOperatorKey } from '../../src/accounts/operator-keys.ts';
import { revokeOperatorKey } from '../../src/accounts/revoke-keys.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { MINUTE } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const CREATE = /* GraphQL */ `
  mutation ($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      __typename
      ... on CreatedApiKey { token apiKey { id expiresAt madeBy } }
      ... on InvalidInputError { field }
      ... on ForbiddenError { scope }
    }
  }
`;
const MINTER = ['keys:write', 'conversations:read'];
const idOf = (token: string) =>
  (token.split('_').at(-2) ?? '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

async function mint(by: string, more: { scopes?: string[]; expiresAt?: string } = {}) {
  const { data } = await api.ask(CREATE, { input: { name: 'made', scopes: MINTER, ...more } }, by);
  return data.createApiKey;
}
async function revoke(id: string, by = api.key) {
  const query =
    'mutation ($id: ID!) { revokeApiKey(id: $id) { __typename ... on ForbiddenError { scope } ... on ApiKey { revokedAt } } }';
  return (await api.ask(query, { id }, by)).data.revokeApiKey;
}
async function isValid(token: string): Promise<boolean> {
  const body = JSON.stringify({ query: '{ __typename }' });
  return (await api.post(body, { authorization: `Bearer ${token}` })).status === 200;
}
const outlive = (allowed: boolean, by = api.key) =>
  api.ask(
    'mutation ($outlive: Boolean!) { setKeysOutliveMaker(outlive: $outlive) { __typename ... on Account { keysOutliveMaker } } }',
    { outlive: allowed },
    by,
  );

describe('a key that was created with another key, its maker,', () => {
  it('is revoked together with its maker, and so are the keys that it created itself', async () => {
    const maker = await api.makeKey(MINTER);
    const child = await mint(maker);
    expect(child.apiKey).toMatchObject({ madeBy: `key:${idOf(maker)}`, expiresAt: null });
    const grandchild = await mint(child.token);
    const other = await mint(api.key);
    await revoke(api.id('ApiKey', idOf(maker)));
    expect(await Promise.all([maker, child.token, grandchild.token, other.token].map(isValid))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    // Revoking a revoked key again is allowed.
    expect(await revoke(api.id('ApiKey', idOf(maker)))).toMatchObject({ __typename: 'ApiKey' });
  });

  it('expires no later than its maker', async () => {
    const expiresAt = new Date(api.engine.clock.now().getTime() + 10 * MINUTE);
    const maker = await mint(api.key, { expiresAt: expiresAt.toISOString() });
    const child = await mint(maker.token);
    expect(child.apiKey.expiresAt).toBe(expiresAt.toISOString());
    const later = new Date(expiresAt.getTime() + 1).toISOString();
    expect(await mint(maker.token, { expiresAt: later })).toEqual({
      __typename: 'InvalidInputError',
      field: 'expiresAt',
    });
    const past = api.engine.clock.now().toISOString();
    expect(await mint(maker.token, { expiresAt: past })).toMatchObject({ field: 'expiresAt' });
    api.engine.clock.advance(10 * MINUTE);
    expect([await isValid(maker.token), await isValid(child.token)]).toEqual([false, false]);
  });

  it('outlives its maker only if the account allowed that when the key was created', async () => {
    const maker = await api.makeKey(MINTER);
    const bound = await mint(maker);
    expect((await outlive(true)).data.setKeysOutliveMaker).toEqual({
      __typename: 'Account',
      keysOutliveMaker: true,
    });
    const free = await mint(maker);
    await outlive(false);
    const boundAgain = await mint(maker);
    await revoke(api.id('ApiKey', idOf(maker)));
    expect(await Promise.all([bound.token, free.token, boundAgain.token].map(isValid))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('never stays valid if it is created while its maker is being revoked', async () => {
    for (let round = 0; round < 10; round++) {
      const maker = await api.makeKey(MINTER);
      const [revoked, ...made] = await Promise.all([
        revoke(api.id('ApiKey', idOf(maker))),
        ...Array.from({ length: 5 }, () => api.ask(CREATE, { input: { name: 'x', scopes: MINTER } }, maker)),
      ]);
      expect(revoked.__typename).toBe('ApiKey');
      const tokens = made.flatMap(({ data }) => data?.createApiKey.token ?? []);
      for (const token of tokens) expect(await isValid(token)).toBe(false);
    }
  });

  it('is revoked together with the operator key that created its maker', async () => {
    const { deps, db, clock, accountId } = api.engine;
    const id = deps.newId();
    const operator = await createOperatorKey(db, { name: 'ops', scopes: SCOPES }, { id, now: clock.now() });
    const headers = { authorization: `Bearer ${operator}`, 'x-lull-account': accountId };
    const body = JSON.stringify({ query: CREATE, variables: { input: { name: 'x', scopes: MINTER } } });
    const { data } = (await (await api.post(body, headers)).json()) as {
      data: { createApiKey: { token: string } };
    };
    const { token } = data.createApiKey;
    const child = await mint(token);
    expect(await isValid(child.token)).toBe(true);
    await revokeOperatorKey(db.sql, id, clock.now());
    expect([await isValid(token), await isValid(child.token)]).toEqual([false, false]);
  });
});

describe('a key with the scope keys:write', () => {
  it('cannot revoke a key with a scope that it lacks itself', async () => {
    const weak = await api.makeKey(MINTER);
    const strong = await api.makeKey([...MINTER, 'policies:write']);
    expect(await revoke(api.id('ApiKey', idOf(strong)), weak)).toEqual({
      __typename: 'ForbiddenError',
      scope: 'policies:write',
    });
    expect(await isValid(strong)).toBe(true);
    expect(await revoke(api.id('ApiKey', idOf(weak)), strong)).toMatchObject({ __typename: 'ApiKey' });
    expect(await isValid(weak)).toBe(false);
  });

  it('cannot change whether keys outlive their maker', async () => {
    const weak = await api.makeKey(MINTER);
    expect((await outlive(true, weak)).data.setKeysOutliveMaker).toEqual({ __typename: 'ForbiddenError' });
    const { data } = await api.ask('{ account { keysOutliveMaker } }');
    expect(data.account.keysOutliveMaker).toBe(false);
  });
});
