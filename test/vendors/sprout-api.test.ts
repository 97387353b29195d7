import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi(at('12:00'), { profile: 'SPROUT' });
});
afterAll(() => api.close());

const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const SET = /* GraphQL */ `
  mutation ($input: SetPolicyInput!) {
    setPolicy(input: $input) {
      __typename
      ... on OutOfBoundsError { code field min max }
      ... on InvalidInputError { code field allowed }
      ... on ForbiddenError { code scope }
    }
  }
`;
const setPolicy = async (input: Record<string, unknown>, key?: string) =>
  (await api.ask(SET, { input }, key)).data.setPolicy;
const POLICY = `policy { autoClose autoCloseAfter autoCloseCaseStatuses reopenWithin origins { autoCloseAfter { scope } } }`;
const account = async (fields = `profile caseStatuses rulesVersion ${POLICY}`) =>
  (await api.ask(`{ account { ${fields} } }`)).data.account;
const one = async (id: string, fields: string) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${fields} } }`, { id })).data.conversation;
async function begun(address: string, more: Record<string, unknown> = {}): Promise<string> {
  const where = { channelId: api.channel, address };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...more },
    { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId;
}

describe('the policy', () => {
  it('SP-2 is off by default, and a switch; nothing is due before it is on', async () => {
    expect(await account()).toMatchObject({
      ...{ profile: 'SPROUT', policy: { autoClose: false, reopenWithin: 'P4D' } },
    });
    const before = await begun('before');
    const DUE = 'due { at timer willDo endReason } endsAt';
    expect(await one(before, DUE)).toEqual({ due: null, endsAt: null });
    api.engine.clock.advance(HOUR);
    expect(await setPolicy({ autoClose: true, autoCloseAfter: 'P1D' })).toEqual({ __typename: 'Policy' });
    const since = await begun('since');
    const due = plus(api.engine.clock.now(), DAY).toISOString();
    expect(await one(since, DUE)).toEqual({
      ...{ due: { at: due, timer: 'AUTO_CLOSE', willDo: 'END', endReason: 'AUTO_CLOSE' }, endsAt: due },
    });
    // SP-6: quiet since before it was switched on.
    expect(await one(before, DUE)).toEqual({ due: null, endsAt: null });
    expect(await setPolicy({ autoClose: false })).toEqual({ __typename: 'Policy' });
    expect(await one(since, DUE)).toEqual({ due: null, endsAt: null });
  });

  it.each(['PT1H', 'PT60M', 'P21D', 'PT504H', 'PT1H0.001S', 'P20DT23H59M59.999S'])(
    'SP-3 %s is allowed, on the account and for a queue',
    async (autoCloseAfter) => {
      for (const place of [{}, { skillId: api.sales }])
        expect(await setPolicy({ autoCloseAfter, ...place })).toEqual({ __typename: 'Policy' });
    },
  );

  it.each(['PT59M59.999S', 'P21DT0.001S', 'PT1M', 'P90D', 'PT0S'])(
    'SP-3 %s is not, at any place: the error names field and bounds, and nothing is changed',
    async (autoCloseAfter) => {
      const before = await account();
      const both = { channelId: api.channel, skillId: api.sales };
      for (const place of [{}, { skillId: api.sales }, { channelId: api.channel }, both])
        expect(await setPolicy({ autoClose: true, autoCloseAfter, ...place })).toEqual({
          ...{ __typename: 'OutOfBoundsError', code: 'OUT_OF_BOUNDS', field: 'autoCloseAfter' },
          ...{ min: 'PT1H', max: 'P21D' },
        });
      expect(await account()).toEqual(before);
    },
  );
});

describe('case statuses', () => {
  const DEFINE = /* GraphQL */ `
    mutation ($caseStatuses: [String!]!) {
      setCaseStatuses(caseStatuses: $caseStatuses) {
        __typename
        ... on Account { caseStatuses rulesVersion }
        ... on InvalidInputError { code field allowed }
        ... on ForbiddenError { code scope }
      }
    }
  `;
  const define = async (caseStatuses: string[], key?: string) =>
    (await api.ask(DEFINE, { caseStatuses }, key)).data.setCaseStatuses;

  it('SP-4 are the account’s own, and a policy picks among them', async () => {
    const mine = ['new', 'waiting for customer', 'done'];
    const { rulesVersion } = await account();
    expect(await define(mine)).toEqual({
      ...{ __typename: 'Account', caseStatuses: mine, rulesVersion: rulesVersion + 1 },
    });
    expect(await define(mine)).toMatchObject({ rulesVersion: rulesVersion + 1 });
    expect(await setPolicy({ autoCloseCaseStatuses: ['done'] })).toEqual({ __typename: 'Policy' });
    expect(await account()).toMatchObject({ policy: { autoCloseCaseStatuses: ['done'] } });
  });

  it('SP-4 one that there is not is refused, by a policy and by an activity, and changes nothing', async () => {
    const before = await account();
    const allowed = 'new, waiting for customer, done is allowed';
    expect(await setPolicy({ autoCloseCaseStatuses: ['done', 'solved'] })).toEqual({
      ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', allowed },
      field: 'autoCloseCaseStatuses[1]',
    });
    expect(await account()).toEqual(before);
    const conversationId = await begun('unknown status');
    const [refused, taken] = await api.record(
      { kind: 'CASE_STATUS', conversationId, caseStatus: 'solved' },
      { kind: 'CASE_STATUS', conversationId, caseStatus: 'new' },
    );
    expect(refused).toMatchObject({
      ...{
        outcome: 'REFUSED',
        error: { __typename: 'InvalidInputError', field: 'activities[0].caseStatus' },
      },
    });
    expect(refused.error.allowed).toBe('new, waiting for customer, done or null is allowed');
    expect(taken).toMatchObject({ outcome: 'APPLIED', error: null });
    expect(await one(conversationId, 'caseStatus')).toEqual({ caseStatus: 'new' });
  });

  it('SP-4 one that a policy closes by cannot go, one that only a case has can', async () => {
    const before = await account();
    expect(await define(['new'])).toEqual({
      ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'caseStatuses' },
      allowed: 'a policy uses done; remove it from autoCloseCaseStatuses first',
    });
    expect(await account()).toEqual(before);
    const conversationId = await begun('has it');
    await api.record({ kind: 'CASE_STATUS', conversationId, caseStatus: 'new' });
    expect(await define(['done'])).toMatchObject({ caseStatuses: ['done'] });
    expect(await one(conversationId, 'caseStatus')).toEqual({ caseStatus: 'new' });
  });

  it('SP-5 only who holds policies:write may set policy, case statuses and profile', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'policies:write'));
    const before = await account();
    const history = await api.ask('{ rulesVersions { nodes { version } } }');
    const forbidden = { __typename: 'ForbiddenError', code: 'FORBIDDEN', scope: 'policies:write' };
    expect(await setPolicy({ autoClose: true }, key)).toEqual(forbidden);
    expect(await setPolicy({ reopenWithin: 'PT0S', skillId: api.sales }, key)).toEqual(forbidden);
    expect(await define(['done', 'new'], key)).toEqual(forbidden);
    const toLull =
      'mutation { setProfile(profile: LULL) { __typename ... on ForbiddenError { code scope } } }';
    expect((await api.ask(toLull, {}, key)).data.setProfile).toEqual(forbidden);
    expect(await account()).toEqual(before);
    expect(await api.ask('{ rulesVersions { nodes { version } } }')).toEqual(history);

    const only = await api.makeKey(['policies:write', 'conversations:read']);
    expect(await setPolicy({ autoClose: true }, only)).toEqual({ __typename: 'Policy' });
    expect(await define(['done', 'new'], only)).toMatchObject({ caseStatuses: ['done', 'new'] });
  });
});

describe('what is known afterwards', () => {
  it('SP-12 the feed tells of the close, its reason and instant; the audit trail who set the rules', async () => {
    expect(
      await setPolicy({
        ...{ autoClose: true, autoCloseAfter: 'PT3H', autoCloseCaseStatuses: null },
        why: 'spring cleaning',
      }),
    ).toEqual({ __typename: 'Policy' });
    const { rulesVersion } = await account();
    const id = await begun('fed');
    const closed = plus(api.engine.clock.now(), 3 * HOUR);
    await api.engine.runUntil(plus(closed, DAY));
    const ENDING = 'ending { reason by at latenessMs rulesVersion creditedAgent { name } }';
    const { ending, feed } = await one(
      id,
      `${ENDING} feed { nodes { kind actor timer effect at due status } }`,
    );
    const instant = closed.toISOString();
    expect(ending).toEqual({
      ...{ reason: 'AUTO_CLOSE', by: 'SYSTEM', at: instant, latenessMs: 0, rulesVersion },
      creditedAgent: { name: 'ann' },
    });
    expect(feed.nodes.at(-1)).toEqual({
      ...{ kind: 'TIMER', actor: 'SYSTEM', timer: 'AUTO_CLOSE', effect: 'ENDED', status: 'ENDED' },
      ...{ at: instant, due: instant },
    });

    const AUDIT =
      '{ rulesVersions(first: 1) { nodes { version kind changedBy changedAt why before after } } }';
    const [version] = (await api.ask(AUDIT)).data.rulesVersions.nodes;
    expect(version).toMatchObject({
      ...{ version: rulesVersion, kind: 'POLICY', why: 'spring cleaning' },
      changedAt: plus(closed, -3 * HOUR).toISOString(),
      after: { autoClose: true, autoCloseAfter: 'PT3H' },
    });
    expect(version.changedBy).toMatch(/^key:/);
    expect(version.before).toMatchObject({ autoClose: true });
    expect(version.before.autoCloseAfter).not.toBe('PT3H');
  });

  it('SP-9 SP-12 the report of a period has rate, counts and handle time, automatic apart from manual', async () => {
    const { clock } = api.engine;
    await api.engine.runUntil(plus(clock.now(), 30 * DAY));
    const skillId = api.sales;
    expect(await setPolicy({ autoCloseAfter: 'PT3H', skillId })).toEqual({ __typename: 'Policy' });
    const started = await begun('started before', { skillId });
    api.engine.clock.advance(HOUR);
    const from = clock.now();
    const [byHand] = [await begun('by hand', { skillId }), await begun('by timer', { skillId })];
    await begun('still open', { skillId });
    await api.engine.runUntil(plus(from, HOUR));
    await api.record({ kind: 'END', conversationId: byHand, by: 'AGENT', agentId: api.ann });
    await begun('still open');
    await api.engine.runUntil(plus(from, 3 * HOUR + HOUR / 2));
    expect(await one(started, 'status')).toEqual({ status: 'ENDED' });
    const REPORT = /* GraphQL */ `
      query ($from: DateTime!, $until: DateTime!, $skillId: ID) {
        report(from: $from, until: $until, skillId: $skillId) {
          total { started all { ...F } automatic { ...F } manual { ...F } }
        }
      }
      fragment F on ReportFigures { totalClosed samePeriodClosed caseCompletionRate averageHandleTime }
    `;
    const period = { from: from.toISOString(), until: clock.now().toISOString(), skillId };
    // Closed: the one from before after 3 h, one of three by its timer after 3 h, one by hand after 1 h.
    const rate = (n: number) => expect.closeTo(n / 3, 12);
    expect((await api.ask(REPORT, period)).data.report.total).toEqual({
      started: 3,
      all: {
        ...{ totalClosed: 3, samePeriodClosed: 2, caseCompletionRate: rate(2) },
        averageHandleTime: 'PT2H20M',
      },
      automatic: {
        ...{ totalClosed: 2, samePeriodClosed: 1, caseCompletionRate: rate(1), averageHandleTime: 'PT3H' },
      },
      manual: {
        ...{ totalClosed: 1, samePeriodClosed: 1, caseCompletionRate: rate(1), averageHandleTime: 'PT1H' },
      },
    });
  });
});
