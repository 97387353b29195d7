import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const LAYERS = `{ policyLayers { scope channel { id } skill { id name } version sets autoCloseAfter overflowSkillId } }`;
const SET = /* GraphQL */ `
  mutation ($input: SetPolicyInput!) {
    setPolicy(input: $input) {
      ... on Policy { rulesVersion }
      ... on Error { code message }
    }
  }
`;
const HISTORY = /* GraphQL */ `
  query ($first: Int! = 20, $after: String) {
    rulesVersions(first: $first, after: $after) {
      nodes { version kind changedBy changedAt why before after channel { id } skill { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const set = async (input: object): Promise<number> =>
  (await api.ask(SET, { input })).data.setPolicy.rulesVersion;

it('LP-4 policyLayers lists the layers, the weakest first, with the fields that each sets', async () => {
  const both = await set({ channelId: api.channel, skillId: api.sales, autoCloseAfter: 'PT3M' });
  const account = await set({ autoCloseAfter: 'PT1H', overflowSkillId: api.sales });
  const skill = { id: api.sales, name: 'sales' };
  expect((await api.ask(LAYERS)).data.policyLayers).toEqual([
    {
      scope: 'ACCOUNT',
      channel: null,
      skill: null,
      version: account,
      sets: ['autoCloseAfter', 'overflowSkillId'],
      autoCloseAfter: 'PT1H',
      overflowSkillId: api.sales,
    },
    {
      scope: 'CHANNEL_AND_SKILL',
      channel: { id: api.channel },
      skill,
      version: both,
      sets: ['autoCloseAfter'],
      autoCloseAfter: 'PT3M',
      overflowSkillId: null,
    },
  ]);
});

it('rulesVersions records the author, time, values before and after, and reason of each change', async () => {
  const first = await set({ skillId: api.sales, autoCloseAfter: 'PT20M', why: 'too slow' });
  const second = await set({ skillId: api.sales, overflowSkillId: api.sales });
  const { nodes, pageInfo } = (await api.ask(HISTORY, { first: 2 })).data.rulesVersions;
  const common = {
    kind: 'POLICY',
    changedBy: expect.stringMatching(/^key:/),
    changedAt: api.engine.clock.now().toISOString(),
    channel: null,
    skill: { id: api.sales },
  };
  expect(nodes).toEqual([
    {
      ...common,
      version: second,
      why: null,
      before: { autoCloseAfter: 'PT20M' },
      after: { autoCloseAfter: 'PT20M', overflowSkillId: api.sales },
    },
    { ...common, version: first, why: 'too slow', before: null, after: { autoCloseAfter: 'PT20M' } },
  ]);
  expect(pageInfo.hasNextPage).toBe(true);
  const rest = (await api.ask(HISTORY, { after: pageInfo.endCursor })).data.rulesVersions;
  expect(rest.nodes.every((node: { version: number }) => node.version < first)).toBe(true);
  expect(rest.pageInfo.hasNextPage).toBe(false);
});

it('policyLayers and rulesVersions show nothing of another account', async () => {
  const other = await createAccount(api.engine.deps, { name: 'other' });
  const theirs = await api.makeKey(['conversations:read'], other);
  expect((await api.ask(LAYERS, {}, theirs)).data.policyLayers).toEqual([]);
  expect((await api.ask(HISTORY, {}, theirs)).data.rulesVersions.nodes).toEqual([]);
});

it('rulesVersions refuses a malformed cursor', async () => {
  const after = Buffer.from('rules:1e3').toString('base64url');
  expect((await api.ask(HISTORY, { after })).errors).toMatchObject([
    { extensions: { code: 'INVALID_INPUT', field: 'after' } },
  ]);
});
