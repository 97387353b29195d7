import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount, ensureSkills } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const SET = /* GraphQL */ `
  mutation ($input: SetPolicyInput!) {
    setPolicy(input: $input) {
      __typename
      ... on Policy {
        autoCloseAfter
        remindBefore
        rulesVersion
        channel { name }
        skill { name }
        origins { autoCloseAfter { scope version clamped } }
      }
      ... on Error { code message }
      ... on OutOfBoundsError { field min max }
      ... on InvalidInputError { field allowed }
      ... on NotFoundError { field }
      ... on ConflictError { field current }
      ... on ForbiddenError { scope }
    }
  }
`;
const set = async (input: Record<string, unknown>, as?: string) =>
  (await api.ask(SET, { input }, as)).data.setPolicy;
const version = async () =>
  (await api.ask('{ account { rulesVersion } }')).data.account.rulesVersion as number;
/** Makes a call that is refused, and checks that it left the rules unchanged. */
async function unchanged<T>(call: () => Promise<T>): Promise<T> {
  const before = await version();
  const answer = await call();
  expect(await version()).toBe(before);
  return answer;
}

describe('setPolicy', () => {
  it('LP-4 sets a layer and returns the resulting policy with its origins', async () => {
    const account = await set({ autoCloseAfter: 'PT2H', why: 'to try it' });
    expect(account).toEqual({
      __typename: 'Policy',
      autoCloseAfter: 'PT2H',
      remindBefore: [],
      rulesVersion: await version(),
      channel: null,
      skill: null,
      origins: { autoCloseAfter: { scope: 'ACCOUNT', version: account.rulesVersion, clamped: false } },
    });
    const skill = await set({ autoCloseAfter: 'PT30M', remindBefore: ['PT5M', 'PT10M'], skillId: api.sales });
    expect(skill).toMatchObject({
      autoCloseAfter: 'PT30M',
      remindBefore: ['PT10M', 'PT5M'],
      skill: { name: 'sales' },
      origins: { autoCloseAfter: { scope: 'SKILL' } },
    });
    const both = { channelId: api.channel, skillId: api.sales };
    expect(await set({ autoCloseAfter: 'PT20M', ...both })).toMatchObject({
      channel: { name: 'web' },
      origins: { autoCloseAfter: { scope: 'CHANNEL_AND_SKILL' } },
    });
    const { data } = await api.ask(
      `query ($channelId: ID!, $skillId: ID!) { account {
        all: policy { autoCloseAfter }
        channel: policy(channelId: $channelId) { autoCloseAfter }
        skill: policy(skillId: $skillId) { autoCloseAfter }
        both: policy(channelId: $channelId, skillId: $skillId) { autoCloseAfter autoClose autoCloseStatuses autoCloseAwaiting autoCloseCaseStatuses origins { autoCloseAfter { scope } autoClose { scope version } } }
      } }`,
      both,
    );
    expect(data.account).toEqual({
      all: { autoCloseAfter: 'PT2H' },
      channel: { autoCloseAfter: 'PT2H' },
      skill: { autoCloseAfter: 'PT30M' },
      both: {
        autoCloseAfter: 'PT20M',
        autoClose: true,
        autoCloseStatuses: ['WAITING', 'ACTIVE'],
        autoCloseAwaiting: 'CONSUMER',
        autoCloseCaseStatuses: null,
        origins: {
          autoCloseAfter: { scope: 'CHANNEL_AND_SKILL' },
          autoClose: { scope: 'PROFILE', version: null },
        },
      },
    });
    expect(await set({ autoCloseAfter: null, ...both })).toMatchObject({ autoCloseAfter: 'PT30M' });
  });

  it('records the author and the reason of the change', async () => {
    await set({ autoCloseAfter: 'PT3H', why: 'slow summer' });
    const [row] = await api.engine.db.sql`select * from rules_version order by version desc limit 1`;
    expect(row).toMatchObject({ kind: 'POLICY', why: 'slow summer', after: { autoCloseAfter: 'PT3H' } });
    expect(row?.changed_by.replaceAll('-', '')).toBe(`key:${api.key.split('_')[2]}`);
  });

  it('accepts fields of every type', async () => {
    const input = {
      autoClose: true,
      autoCloseStatuses: ['ACTIVE'],
      autoCloseAwaiting: 'ANYBODY',
      autoCloseCaseStatuses: ['pending'],
      autoCloseThen: 'HOLD',
      queueTimeout: true,
      queueTimeoutAfter: 'PT1H',
      queueTimeoutThen: 'OVERFLOW',
      overflowSkillId: api.id('Skill', api.engine.care),
      reopenWithin: 'PT0S',
      exemptManualResponseTime: false,
      botsAreAgents: true,
    };
    const fields = Object.keys(input).join(' ');
    const { data, errors } = await api.ask(
      `mutation ($input: SetPolicyInput!) { setPolicy(input: $input) { ... on Policy { ${fields} } } }`,
      { input: { skillId: api.id('Skill', api.engine.care), ...input } },
    );
    expect(errors).toBeUndefined();
    expect(data.setPolicy).toEqual(input);
  });
});

describe('durations', () => {
  it('LP-10, PE-1 are accepted in any ISO 8601 form and returned in one form', async () => {
    for (const [written, read] of [
      ['PT90M', 'PT1H30M'],
      ['P1W', 'P7D'],
      ['PT24H', 'P1D'],
      ['PT1.5H', 'PT1H30M'],
      ['P90D', 'P90D'],
    ])
      expect(await set({ autoCloseAfter: written }), written).toMatchObject({ autoCloseAfter: read });
    const { data } = await api.ask(
      'mutation { setPolicy(input: { autoCloseAfter: "PT25M" }) { ... on Policy { autoCloseAfter } } }',
    );
    expect(data.setPolicy.autoCloseAfter).toBe('PT25M');
  });

  it('LP-10 are refused with an explanation if they are malformed, negative or depend on the calendar', async () => {
    const bad = [
      'P1M',
      'P1Y',
      '-PT25M',
      'PT-25M',
      '',
      '25',
      '25 minutes',
      'PT0.0001S',
      'P9999D',
      25,
      true,
      {},
    ];
    for (const value of bad) {
      const { data, errors } = await unchanged(() => api.ask(SET, { input: { autoCloseAfter: value } }));
      expect(data, String(value)).toBeUndefined();
      expect(errors, String(value)).toHaveLength(1);
      expect(errors?.[0]?.message).toContain('input.autoCloseAfter');
      expect(errors?.[0]?.message).toContain(
        'an ISO 8601 duration of weeks, days, hours, minutes and seconds',
      );
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', allowed: expect.any(String) });
    }
    const literal = await api.ask('mutation { setPolicy(input: { autoCloseAfter: "P1M" }) { __typename } }');
    expect(literal.errors?.[0]?.message).toContain('an ISO 8601 duration');
  });
});

describe('a refused setPolicy changes nothing:', () => {
  it('LP-5 a threshold out of bounds is refused with field, min and max', async () => {
    for (const autoCloseAfter of ['PT59S', 'PT0S', 'P90DT1S'])
      expect(await unchanged(() => set({ autoCloseAfter }))).toEqual({
        __typename: 'OutOfBoundsError',
        code: 'OUT_OF_BOUNDS',
        message: 'autoCloseAfter: from PT1M to P90D is allowed',
        field: 'autoCloseAfter',
        min: 'PT1M',
        max: 'P90D',
      });
    expect(await unchanged(() => set({ reopenWithin: 'P31D' }))).toMatchObject({
      field: 'reopenWithin',
      max: 'P30D',
    });
    expect(await unchanged(() => set({ remindBefore: ['PT30S'] }))).toMatchObject({
      field: 'remindBefore[0]',
    });
  });

  it('a malformed value is refused, and the error names the field', async () => {
    for (const [field, value] of [
      ['remindBefore', ['PT1M', 'PT2M', 'PT3M', 'PT4M']],
      ['autoCloseCaseStatuses[1]', ['ok', '\0']],
      ['closeMessages[0].text', [{ text: 'Bye\0' }]],
      ['closeMessages[1].text', [{ text: 'Bye' }, { locale: 'de', text: 'Tsch\ud800ss' }]],
      ['closeMessages[0].locale', [{ locale: `en-x-${'a1-'.repeat(40)}a`, text: 'Bye' }]],
      ['tagOnClose', 'quiet\0'],
      ['tagOnClose', '\udc00'],
      ['optOutWords[1]', ['HALT', 'AUS\0']],
      ['optOutWords[0]', ['\ud800']],
      ['optOutWords[1]', ['HALT', '👍\u200b']],
      ['optOutWords[2]', ['HALT', 'aus', '“Halt!”']],
      ['optOutWords[1]', ['Arrêt', 'Arrêt'.normalize('NFD')]],
      ['overflowSkillId', api.channel],
      ['channelId', api.sales],
      ['why', 'x'.repeat(1001)],
      ['why', '\ud800'],
    ] as const)
      expect(await unchanged(() => set({ [field.replace(/\[.*/, '')]: value })), field).toMatchObject({
        __typename: 'InvalidInputError',
        code: 'INVALID_INPUT',
        field,
      });
  });

  it('an unknown channel or skill, or one of another account, is NOT_FOUND', async () => {
    const { deps } = api.engine;
    const other = await createAccount(deps, { name: 'other' });
    const channel = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
    const skill = (await ensureSkills(deps, other, ['sales'])).get('sales') ?? '';
    for (const [field, type, id] of [
      ['channelId', 'Channel', deps.newId()],
      ['channelId', 'Channel', channel],
      ['skillId', 'Skill', deps.newId()],
      ['skillId', 'Skill', skill],
      ['overflowSkillId', 'Skill', skill],
    ] as const) {
      const input = { [field]: api.id(type, id) };
      expect(await unchanged(() => set({ autoCloseAfter: 'PT2H', ...input })), field).toMatchObject({
        __typename: 'NotFoundError',
        field,
      });
      if (field === 'overflowSkillId') continue;
      const { errors } = await api.ask(
        `query ($id: ID!) { account { policy(${field}: $id) { autoClose } } }`,
        { id: api.id(type, id) },
      );
      expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field } }]);
    }
  });

  it('an old expectedVersion is a CONFLICT', async () => {
    const seen = await version();
    expect(await set({ autoCloseAfter: 'PT4H', expectedVersion: seen })).toMatchObject({
      rulesVersion: seen + 1,
    });
    expect(await unchanged(() => set({ autoCloseAfter: 'PT5H', expectedVersion: seen }))).toMatchObject({
      __typename: 'ConflictError',
      code: 'CONFLICT',
      field: 'expectedVersion',
      current: String(seen + 1),
    });
  });

  it('SP-5 a key without policies:write is refused', async () => {
    const key = await api.makeKey(['conversations:read', 'activities:write']);
    expect(await unchanged(() => set({ autoCloseAfter: 'PT4H' }, key))).toEqual({
      __typename: 'ForbiddenError',
      code: 'FORBIDDEN',
      message: 'this needs the scope policies:write',
      scope: 'policies:write',
    });
    const writer = await api.makeKey(['policies:write']);
    expect(await set({ autoCloseAfter: 'PT4H' }, writer)).toMatchObject({ autoCloseAfter: 'PT4H' });
  });
});

describe('enabledSince', () => {
  it('SP-6 has the time when a timer was switched on for a skill, and is null if it is off or was always on', async () => {
    const query = `query ($skill: ID!) { account {
      everywhere: policy { enabledSince { autoClose inactivate endInactive } }
      sales: policy(skillId: $skill) { enabledSince { inactivate } }
    } }`;
    const ask = async () => (await api.ask(query, { skill: api.sales })).data.account;
    const off = { autoClose: null, inactivate: null, endInactive: null };
    expect(await ask()).toEqual({
      everywhere: { enabledSince: off },
      sales: { enabledSince: { inactivate: null } },
    });
    api.engine.clock.advance(1000);
    await api.engine.policy({ inactivate: true }, { skillId: api.engine.sales });
    const at = api.engine.clock.now().toISOString();
    expect(await ask()).toEqual({
      everywhere: { enabledSince: off },
      sales: { enabledSince: { inactivate: at } },
    });
    api.engine.clock.advance(1000);
    await api.engine.policy({ inactivate: false }, { skillId: api.engine.sales });
    expect(await ask()).toMatchObject({ sales: { enabledSince: { inactivate: null } } });
  });
});
