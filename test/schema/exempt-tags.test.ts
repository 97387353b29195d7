import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR, step } from '../support/engine.ts';
import { backfillStep } from '../support/flows.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => api.close());

const ACCOUNT = 'exemptTags rulesVersion exemptionBackfill { version scanned moved startedAt doneAt }';
const SET = `mutation ($tags: [String!]!, $why: String, $expectedVersion: Int) {
  setExemptTags(tags: $tags, why: $why, expectedVersion: $expectedVersion) { __typename
    ... on Account { ${ACCOUNT} }
    ... on Error { code ... on InvalidInputError { field allowed } ... on ConflictError { field current } ... on ForbiddenError { scope } } } }`;
const set = async (
  tags: readonly string[],
  more: { why?: string; expectedVersion?: number } = {},
  as?: string,
) => (await api.ask(SET, { tags, ...more }, as)).data.setExemptTags;
const account = async (as?: string) => (await api.ask(`{ account { ${ACCOUNT} } }`, {}, as)).data.account;
const runStep = () => backfillStep(api.engine.deps, api.engine.accountId);
const walk = async () => {
  while ((await runStep()) !== null);
};

/** Creates this many tagged conversations that await the customer. */
async function tagged(prefix: string, count: number): Promise<void> {
  const { channelId, ann, apply } = api.engine;
  for (let from = 0; from < count; from += 300)
    await apply(
      ...Array.from({ length: Math.min(300, count - from) }, (_, index) => {
        const target = { channelId, address: `${prefix} ${from + index}` };
        return [
          { target, action: { kind: 'INBOUND' as const } },
          { target, action: { kind: 'TAG' as const, add: ['vip'], remove: [] } },
          { target, action: { kind: 'OUTBOUND' as const, sender: 'AGENT' as const, agentId: ann } },
        ];
      }).flat(),
    );
}
async function dueOf(address: string) {
  const id = api.id('Conversation', (await api.engine.latest(address)).id);
  const { data } = await api.ask('query ($id: ID!) { conversation(id: $id) { due { timer } } }', { id });
  return data.conversation.due;
}

describe('setExemptTags', () => {
  it('PE-7 a new account has no exempt tags and no backfill', async () => {
    expect(await account()).toMatchObject({ exemptTags: [], exemptionBackfill: null });
  });

  it('PE-7 takes effect at once: tagged conversations do not close, and the history records the author and the reason', async () => {
    await tagged('soon', 1);
    api.engine.clock.advance(3 * HOUR);
    const { rulesVersion } = await account();
    expect(await dueOf('soon 0')).toEqual({ timer: 'AUTO_CLOSE' });
    const version = rulesVersion + 1;
    const startedAt = api.engine.clock.now().toISOString();
    expect(await set(['vip', 'escalated', 'vip'], { why: 'they are to be asked first' })).toEqual({
      __typename: 'Account',
      exemptTags: ['vip', 'escalated'],
      rulesVersion: version,
      exemptionBackfill: { version, scanned: 0, moved: 0, startedAt, doneAt: null },
    });
    expect(await dueOf('soon 0')).toEqual({ timer: 'PROTECT' });
    await api.engine.wakeAll();
    expect(await api.engine.latest('soon 0')).toMatchObject({ status: 'ACTIVE' });
    const { data } = await api.ask(
      '{ rulesVersions(first: 1) { nodes { kind changedBy why before after } } }',
    );
    expect(data.rulesVersions.nodes).toEqual([
      {
        kind: 'EXEMPT_TAGS',
        changedBy: expect.stringMatching(/^key:/),
        why: 'they are to be asked first',
        before: { exemptTags: [] },
        after: { exemptTags: ['vip', 'escalated'] },
      },
    ]);
  });

  it('PE-7 shows the progress of the backfill, and when it was done', async () => {
    const { version, startedAt } = (await account()).exemptionBackfill;
    await walk();
    expect((await account()).exemptionBackfill).toEqual({
      version,
      startedAt,
      scanned: 1,
      moved: 1,
      doneAt: null,
    });
    api.engine.clock.advance(20_000);
    await walk();
    const doneAt = api.engine.clock.now().toISOString();
    expect((await account()).exemptionBackfill).toEqual({ version, startedAt, scanned: 1, moved: 1, doneAt });
  });

  it('the same tags in any order change nothing and start no backfill', async () => {
    const before = await account();
    expect(await set(['escalated', 'vip'])).toEqual({ __typename: 'Account', ...before });
    expect(await account()).toEqual(before);
  });

  it('does not affect another account', async () => {
    const other = await createAccount(api.engine.deps, { name: 'other' });
    const key = await api.makeKey(['policies:write', 'conversations:read'], other);
    expect(await account(key)).toMatchObject({ exemptTags: [], exemptionBackfill: null });
    const ours = await account();
    expect(await set(['theirs'], {}, key)).toMatchObject({ exemptTags: ['theirs'] });
    expect(await account()).toEqual(ours);
  });

  it('LL-3 PE-7 uses the same number of statements for 10 and 1,000 conversations, and writes no conversation and no lane', async () => {
    const { sql } = api.engine.db;
    const { steps } = api.engine;
    const { scheduleAccount } = steps;
    steps.scheduleAccount = () => step(() => {});
    const rowsOf = async () => [
      ...(await sql`select 'conversation', id, xmin, ctid from conversation order by id`),
      ...(await sql`select 'lane', id, xmin, ctid from lane order by id`),
    ];
    const cost = async () => {
      const before = await rowsOf();
      const sent = api.statements();
      await set(['vip', 'more']);
      await set(['vip']);
      const statements = api.statements() - sent;
      expect(await rowsOf()).toEqual(before);
      return statements;
    };
    await tagged('ten', 10);
    await cost();
    const ten = await cost();
    await tagged('thousand', 1_000);
    expect(await cost()).toEqual(ten);
    steps.scheduleAccount = scheduleAccount;
  });

  it('an empty list removes all exemptions, and conversations close as before', async () => {
    expect(await set([])).toMatchObject({ exemptTags: [] });
    expect(await dueOf('soon 0')).toEqual({ timer: 'AUTO_CLOSE' });
    await walk();
    await api.engine.runUntil(new Date(api.engine.clock.now().getTime() + 3 * HOUR));
    expect(await api.engine.latest('soon 0')).toMatchObject({ status: 'ENDED' });
  });

  it('a refused call changes nothing: too many tags, malformed or too long texts, an old version, a missing scope', async () => {
    const before = await account();
    const many = Array.from({ length: 51 }, (_, index) => `tag ${index}`);
    expect(await set(many)).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'tags',
      allowed: 'at most 50 tags are allowed',
    });
    for (const wrong of ['', 'x'.repeat(101), 'a\0b', '\ud800'])
      expect(await set(['fine', wrong])).toMatchObject({ code: 'INVALID_INPUT', field: 'tags[1]' });
    expect(await set(['fine'], { why: 'x'.repeat(1_001) })).toMatchObject({ field: 'why' });
    expect(await set(['fine'], { expectedVersion: before.rulesVersion - 1 })).toMatchObject({
      __typename: 'ConflictError',
      field: 'expectedVersion',
      current: String(before.rulesVersion),
    });
    const reader = await api.makeKey(['conversations:read', 'conversations:act']);
    expect(await set(['fine'], {}, reader)).toMatchObject({ scope: 'policies:write' });
    expect(await account()).toEqual(before);
    expect(await set(many.slice(1), { expectedVersion: before.rulesVersion })).toMatchObject({
      exemptTags: many.slice(1),
    });
  });
});
