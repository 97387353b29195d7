import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const RUNS = /* GraphQL */ `
  query ($first: Int! = 20, $after: String) {
    runs(first: $first, after: $after) {
      nodes { rulesVersion ended reasons { reason ended } firstEndedAt lastEndedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const runs = async (variables = {}) => (await api.ask(RUNS, variables)).data.runs;

it('SP-12 runs counts the automatic ends of each rules version, without manual ends', async () => {
  const { engine } = api;
  const start = engine.clock.now().getTime();
  const inMs = (ms: number) => new Date(start + ms);
  const first = (await engine.policy({ autoCloseAfter: 'PT1H' })).version;
  for (const address of ['a', 'b']) {
    await engine.writes(address);
    await engine.answers(address);
  }
  await engine.does('n', { kind: 'START', by: 'AUTOMATION' });
  await engine.writes('by hand');
  await engine.does('by hand', { kind: 'END', by: 'AGENT', agentId: engine.ann });
  await engine.runUntil(inMs(HOUR));
  await engine.runUntil(inMs(48 * HOUR));
  expect((await runs()).nodes).toEqual([
    {
      rulesVersion: first,
      ended: 3,
      reasons: [
        { reason: 'AUTO_CLOSE', ended: 2 },
        { reason: 'UNANSWERED', ended: 1 },
      ],
      firstEndedAt: inMs(HOUR).toISOString(),
      lastEndedAt: inMs(48 * HOUR).toISOString(),
    },
  ]);

  const second = (await engine.policy({ autoCloseAfter: 'PT30M' })).version;
  await engine.writes('c');
  await engine.answers('c');
  await engine.runUntil(inMs(49 * HOUR));
  const page = await runs({ first: 1 });
  expect(page.nodes).toMatchObject([{ rulesVersion: second, ended: 1 }]);
  expect(page.pageInfo.hasNextPage).toBe(true);
  const rest = await runs({ after: page.pageInfo.endCursor });
  expect(rest.nodes).toMatchObject([{ rulesVersion: first, ended: 3 }]);

  await engine.writes('a');
  expect((await runs({ after: page.pageInfo.endCursor })).nodes).toMatchObject([{ ended: 2 }]);
});

it('runs shows nothing of another account', async () => {
  const other = await createAccount(api.engine.deps, { name: 'other' });
  const theirs = await api.makeKey(['conversations:read'], other);
  expect((await api.ask(RUNS, {}, theirs)).data.runs.nodes).toEqual([]);
});
