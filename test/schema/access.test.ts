import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createOperatorKey } from '../../src/accounts/operator-keys.ts';
import { revokeOperatorKey } from '../../src/accounts/revoke-keys.ts';
import { createAccount, ensureAgents } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
let other: string;
let operator: string;
beforeAll(async () => {
  api = await openApi();
  other = await createAccount(api.engine.deps, { name: 'other' });
  operator = (await makeOperator(SCOPES)).token;
});
afterAll(() => api.close());

async function makeOperator(scopes: readonly string[]) {
  const { db, deps, clock } = api.engine;
  const id = deps.newId();
  return { id, token: await createOperatorKey(db, { name: 'ops', scopes }, { id, now: clock.now() }) };
}

async function post(query: string, token: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ query });
  const response = await api.post(body, { authorization: `Bearer ${token}`, ...headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const name = (token: string, headers?: Record<string, string>) =>
  post('{ account { name } }', token, headers);
const refusal = (status: number, code: string, more = {}) => ({
  status,
  body: { errors: [{ extensions: { code, ...more } }] },
});

describe('an operator key', () => {
  it('works on the account that x-lull-account names, as a UUID or a global id', async () => {
    expect((await name(operator, { 'x-lull-account': other })).body).toEqual({
      data: { account: { name: 'other' } },
    });
    const globalId = api.id('Account', api.engine.accountId);
    expect((await name(operator, { 'x-lull-account': globalId })).body).toEqual({
      data: { account: { name: 'test' } },
    });
  });

  it('is refused without the header, or if the account does not exist', async () => {
    const field = 'x-lull-account';
    expect(await name(operator)).toMatchObject(refusal(400, 'INVALID_INPUT', { field }));
    for (const malformed of ['x', api.ann, "' or '1'='1"])
      expect(await name(operator, { [field]: malformed })).toMatchObject(
        refusal(400, 'INVALID_INPUT', { field }),
      );
    const nobody = '018f0000-0000-7000-8000-000000000000';
    expect(await name(operator, { [field]: nobody })).toMatchObject(refusal(404, 'NOT_FOUND', { field }));
  });

  it('is limited to its scopes and is recorded as the author of its changes', async () => {
    const set = 'mutation { setPolicy(input: { autoClose: true }) { __typename } }';
    const headers = { 'x-lull-account': other };
    const reader = await makeOperator(['conversations:read']);
    expect((await post(set, reader.token, headers)).body).toEqual({
      data: { setPolicy: { __typename: 'ForbiddenError' } },
    });
    const writer = await makeOperator(['policies:write', 'conversations:read']);
    expect((await post(set, writer.token, headers)).body).toEqual({
      data: { setPolicy: { __typename: 'Policy' } },
    });
    const [version] = await api.engine.db
      .sql`select changed_by from rules_version where account_id = ${other} order by version desc`;
    expect(version).toEqual({ changed_by: `operator:${writer.id}` });
  });

  it('is answered 401 if it is wrong, malformed or revoked', async () => {
    const headers = { 'x-lull-account': other };
    const { id, token } = await makeOperator(['conversations:read']);
    expect((await name(token, headers)).status).toBe(200);
    const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    for (const bad of [wrong, `${token}0`, 'lull_op_', `lull_op_${'0'.repeat(32)}_${'0'.repeat(64)}`])
      expect(await name(bad, headers), bad).toMatchObject(refusal(401, 'UNAUTHENTICATED'));
    await revokeOperatorKey(api.engine.db.sql, id, api.engine.clock.now());
    expect(await name(token, headers)).toMatchObject(refusal(401, 'UNAUTHENTICATED'));
  });

  it('is stored as a hash only: neither the database nor the log holds its secret', async () => {
    await name(operator, { 'x-lull-account': other });
    await name(`${operator}x`, { 'x-lull-account': other });
    const secret = operator.split('_')[3] as string;
    expect(api.logged()).not.toContain(secret);
    expect(JSON.stringify(await api.engine.db.sql`select * from operator_key`)).not.toContain(secret);
  });
});

describe('a key of an account', () => {
  it('can name its own account in x-lull-account; another one is NOT_FOUND', async () => {
    expect((await name(api.key, { 'x-lull-account': api.engine.accountId })).status).toBe(200);
    const field = 'x-lull-account';
    expect(await name(api.key, { [field]: other })).toMatchObject(refusal(404, 'NOT_FOUND', { field }));
  });

  it('is verified on its own among concurrent requests; one statement looks up all of them', async () => {
    const theirs = await api.makeKey(['conversations:read', 'act-as'], other);
    const second = await api.makeKey(['policies:write']);
    const wrong = `${theirs.slice(0, -1)}${theirs.endsWith('0') ? '1' : '0'}`;
    const tokens = [api.key, theirs, second, wrong, theirs, api.key, wrong, second];
    const before = api.statements();
    const callers = await Promise.all(
      tokens.map((token) => api.deps.identify({ token, account: null, agent: null })),
    );
    expect(api.statements() - before).toBe(1);
    const scopesOf = new Map([
      [api.key, { accountId: api.engine.accountId, scopes: new Set(SCOPES) }],
      [theirs, { accountId: other, scopes: new Set(['conversations:read', 'act-as']) }],
      [second, { accountId: api.engine.accountId, scopes: new Set(['policies:write']) }],
    ]);
    for (const [index, token] of tokens.entries())
      if (token === wrong) expect(callers[index]).toBeNull();
      else expect(callers[index]).toMatchObject(scopesOf.get(token) as object);
    expect(new Set(callers.map((caller) => caller?.who)).size).toBe(4);

    const asked = [api.key, theirs, theirs, api.key].map(async (token) => (await name(token)).body);
    const named = (account: string) => ({ data: { account: { name: account } } });
    expect(await Promise.all(asked)).toEqual([named('test'), named('other'), named('other'), named('test')]);
  });

  it('acts as an agent of the account only with the scope act-as', async () => {
    const set = 'mutation { setPolicy(input: { autoClose: true }) { __typename } }';
    const asAnn = { 'x-lull-agent': api.ann };
    const plain = await api.makeKey(['policies:write', 'conversations:read']);
    expect(await post(set, plain, asAnn)).toMatchObject(refusal(403, 'FORBIDDEN', { scope: 'act-as' }));
    const acting = await api.makeKey(['policies:write', 'conversations:read', 'act-as']);
    expect((await post(set, acting, asAnn)).body).toEqual({ data: { setPolicy: { __typename: 'Policy' } } });
    const [version] = await api.engine.db
      .sql`select changed_by from rules_version where account_id = ${api.engine.accountId} order by version desc`;
    expect(version?.changed_by).toMatch(new RegExp(`^agent:${api.engine.ann} by key:`));
  });

  it('cannot act as an agent of another account or as an unknown one', async () => {
    const field = 'x-lull-agent';
    const theirs = (await ensureAgents(api.engine.deps, other, ['eve'])).get('eve') as string;
    for (const id of [theirs, api.id('Agent', theirs)])
      expect(await name(api.key, { [field]: id })).toMatchObject(refusal(404, 'NOT_FOUND', { field }));
    for (const malformed of ['x', api.channel])
      expect(await name(api.key, { [field]: malformed })).toMatchObject(
        refusal(400, 'INVALID_INPUT', { field }),
      );
  });
});

describe('scopes (SP-5)', () => {
  it('SP-5 setting a policy requires policies:write', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'policies:write'));
    const set =
      'mutation { setPolicy(input: { autoClose: false }) { __typename ... on ForbiddenError { scope } } }';
    const before = await api.ask('{ account { rulesVersion } }');
    expect((await api.ask(set, {}, key)).data.setPolicy).toEqual({
      __typename: 'ForbiddenError',
      scope: 'policies:write',
    });
    expect(await api.ask('{ account { rulesVersion } }')).toEqual(before);
  });

  it('reading requires conversations:read', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'conversations:read'));
    const { data, errors } = await api.ask('{ account { name } }', {}, key);
    expect(data).toBeFalsy();
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', scope: 'conversations:read' } }]);
  });

  it('a mutation that selects further objects is refused without conversations:read and changes nothing', async () => {
    await api.engine.writes('scoped');
    const { id } = await api.engine.latest('scoped');
    const tag = (shown: string) => `mutation ($id: ID!) { addTags(conversationId: $id, tags: ["seen"]) {
      ... on Conversation { ${shown} } ... on Error { code } } }`;
    const variables = { id: api.id('Conversation', id) };
    const key = await api.makeKey(['conversations:act']);
    for (const shown of [
      'contact { address }',
      'feed(first: 5) { nodes { kind } }',
      'channel { settings }',
      '... on Node { ... on Conversation { contact { address } } }',
      '...Shown',
    ]) {
      const fragment = shown === '...Shown' ? 'fragment Shown on Conversation { contact { id } }' : '';
      const { data, errors } = await api.ask(`${tag(shown)} ${fragment}`, variables, key);
      expect(data).toBeFalsy();
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', scope: 'conversations:read' } }]);
    }
    expect(await api.engine.latest('scoped')).toMatchObject({ tags: [] });
    const own = await api.ask(tag('id status tags due { at } ending { reason }'), variables, key);
    expect(own.data.addTags).toMatchObject({ status: 'WAITING', tags: ['seen'] });
    const both = await api.makeKey(['conversations:act', 'conversations:read']);
    expect((await api.ask(tag('contact { address }'), variables, both)).data.addTags).toEqual({
      contact: { address: 'scoped' },
    });
  });

  it('a subscription without conversations:read is refused and no listener stays', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'conversations:read'));
    const query = 'subscription { conversationChanged { __typename } }';
    const response = await api.post(JSON.stringify({ query }), {
      authorization: `Bearer ${key}`,
      accept: 'text/event-stream',
    });
    const text = await response.text();
    expect(text).toContain('FORBIDDEN');
    expect(text).toContain('conversations:read');
    expect(text).not.toContain('"data":{');
    expect(api.subscribers()).toBe(0);
  });
});
