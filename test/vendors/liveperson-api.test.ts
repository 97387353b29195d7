import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { later } from '../support/vendors/liveperson.ts';

let api: Api;
const channels: Record<string, string> = {};
const SECRET = { secret: 'a secret for the tests' };
beforeAll(async () => {
  api = await openApi(at('12:00'), { profile: 'LIVEPERSON' });
  const { deps, accountId } = api.engine;
  for (const adapter of ['web', 'in-app'])
    for (const [name, showSurvey, showCloseMessage] of SHOWN) {
      const channel = { name: `${adapter} ${name}`, adapter };
      const settings = { ...SECRET, showSurvey, showCloseMessage };
      const id = await ensureChannel(deps, accountId, { ...channel, settings });
      channels[channel.name] = api.id('Channel', id);
    }
});
afterAll(() => api.close());

/** What a client may be configured to show: survey, close message. */
const SHOWN = [
  ['both', true, true],
  ['survey', true, false],
  ['message', false, true],
  ['neither', false, false],
] as const;
const BY_YOU = 'Conversation resolved by you';

/** Somebody wrote, with a client of a version, and was answered; the conversation's id. */
async function answered(channel: string, address: string, clientVersion?: string): Promise<string> {
  const where = { channelId: channels[channel], address };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...(clientVersion ? { clientVersion } : {}) },
    { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId;
}
const one = async (id: string, fields: string) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${fields} } }`, { id })).data.conversation;
async function listed(status: string): Promise<string[]> {
  const query = `{ conversations(filter: { status: [${status}] }, first: 200) { nodes { id } } }`;
  return (await api.ask(query)).data.conversations.nodes.map(({ id }: { id: string }) => id);
}
const inMs = (ms: number) => later(api.engine.clock.now(), ms);

const SET = `mutation ($input: SetPolicyInput!) { setPolicy(input: $input) { __typename
  ... on Policy { autoCloseAfter exemptManualResponseTime rulesVersion }
  ... on Error { code message }
  ... on OutOfBoundsError { field min max } ... on InvalidInputError { field allowed } } }`;
const set = async (input: Record<string, unknown>) => (await api.ask(SET, { input })).data.setPolicy;
async function policy(): Promise<Record<string, unknown>> {
  const { data, errors } =
    await api.ask(`{ policyLayers { scope channel { id } skill { id } version sets autoCloseAfter }
    account { rulesVersion policy { autoClose autoCloseAfter autoCloseAwaiting origins { autoCloseAfter { scope version } } } } }`);
  expect(errors).toBeUndefined();
  return data;
}
/** What a call that is refused must leave as it was. */
async function unchanged(input: Record<string, unknown>): Promise<unknown> {
  const before = await policy();
  const answer = await set(input);
  expect(await policy()).toEqual(before);
  return answer;
}
/** Every place that a threshold can be set at. */
const places = (): Record<string, string>[] => [
  {},
  { channelId: api.channel },
  { skillId: api.sales },
  { channelId: api.channel, skillId: api.sales },
];

describe('lists', () => {
  it('LP-1 the closed one is in the list of the closed, and not among the open', async () => {
    await set({ autoCloseAfter: 'PT2H' });
    const id = await answered('web both', 'LP-1');
    const due = inMs(2 * HOUR);
    const open = () => listed('NEW, WAITING, ACTIVE, INACTIVE');
    await api.engine.runUntil(later(due, -1));
    expect([await open(), await listed('ENDED')]).toEqual([[id], []]);
    expect(await one(id, 'endsAt')).toEqual({ endsAt: due.toISOString() });
    await api.engine.runUntil(due);
    expect([await open(), await listed('ENDED')]).toEqual([[], [id]]);
    expect(await one(id, 'status endsAt ending { at reason by latenessMs creditedAgent { id } }')).toEqual({
      ...{ status: 'ENDED', endsAt: null },
      ending: {
        ...{ at: due.toISOString(), reason: 'AUTO_CLOSE', by: 'SYSTEM', latenessMs: 0 },
        creditedAgent: { id: api.ann },
      },
    });
  });

  it('LP-3 the next message is a new one, open, with the closed one as its previous', async () => {
    const before = await answered('web both', 'LP-3');
    await api.engine.runUntil(inMs(2 * HOUR + 1));
    const after = await answered('web both', 'LP-3');
    expect(after).not.toBe(before);
    expect(await one(after, 'status previous { id status previous { id } }')).toEqual({
      status: 'ACTIVE',
      previous: { id: before, status: 'ENDED', previous: null },
    });
  });
});

describe('what the customer sees of an automatic close', () => {
  const closes = async (channel: string, version?: string) => {
    const id = await answered(
      channel,
      `${channel} ${version} ${api.engine.clock.now().toISOString()}`,
      version,
    );
    const fields = 'closing { survey closeMessage separator }';
    const foreseen = await one(id, fields);
    await api.engine.runUntil(inMs(2 * HOUR));
    const { ending, closing } = await one(id, `ending { reason } ${fields}`);
    expect(ending).toEqual({ reason: 'AUTO_CLOSE' });
    expect(foreseen).toEqual({ closing });
    return closing;
  };

  it.each(SHOWN.map(([name]) => name))(
    'LP-2 LP-9 no survey and no separator on the web, nor in an app with SDK 2.1 and above, configured to show %s',
    async (name) => {
      const nothing = { survey: false, closeMessage: null, separator: false };
      for (const version of [undefined, '1.0', '2.1'])
        expect(await closes(`web ${name}`, version)).toEqual(nothing);
      for (const version of ['2.1', '2.1.0', '2.10', '3.0', '10.1'])
        expect(await closes(`in-app ${name}`, version), version).toEqual(nothing);
    },
  );

  it.each(SHOWN)(
    'LP-9 an older SDK closes as well, and shows what it is configured to show: %s',
    async (name, survey, showsMessage) => {
      const shown = { survey, closeMessage: showsMessage ? BY_YOU : null, separator: true };
      for (const version of ['1.9', '2.0', '2.0.9', undefined])
        expect(await closes(`in-app ${name}`, version), version).toEqual(shown);
    },
  );
});

describe('the threshold', () => {
  it('LP-5 is 90 days by default, which is what the profile says', async () => {
    await set({ autoCloseAfter: null });
    expect(await policy()).toMatchObject({
      account: {
        policy: {
          ...{ autoClose: true, autoCloseAfter: 'P90D', autoCloseAwaiting: 'CONSUMER' },
          origins: { autoCloseAfter: { scope: 'PROFILE', version: null } },
        },
      },
    });
  });

  it('LP-5 from 25 minutes to 90 days is allowed, both included, at every place', async () => {
    for (const place of places())
      for (const autoCloseAfter of ['PT25M', 'P90D', 'PT25M1S', 'P89DT23H59M59S'])
        expect(await set({ autoCloseAfter, ...place })).toMatchObject({
          __typename: 'Policy',
          autoCloseAfter,
        });
  });

  it('LP-5 outside is a typed error with field, min and max, at every place, and nothing is changed', async () => {
    for (const place of places())
      for (const autoCloseAfter of ['PT24M59S', 'PT24M59.999S', 'PT0S', 'P90DT1S', 'P90DT0.001S', 'P365D'])
        expect(
          await unchanged({ autoCloseAfter, exemptManualResponseTime: false, ...place }),
          autoCloseAfter,
        ).toEqual({
          ...{ __typename: 'OutOfBoundsError', code: 'OUT_OF_BOUNDS', field: 'autoCloseAfter' },
          ...{ min: 'PT25M', max: 'P90D', message: 'autoCloseAfter: from PT25M to P90D is allowed' },
        });
  });

  it.each([
    ['PT30M', 'PT30M'],
    ['PT90M', 'PT1H30M'],
    ['PT2H', 'PT2H'],
    ['PT36H', 'P1DT12H'],
    ['P3D', 'P3D'],
    ['PT1440M', 'P1D'],
    ['P1DT2H25M', 'P1DT2H25M'],
  ])('LP-10 is written as minutes, hours and days, %s, and read as %s', async (written, read) => {
    expect(await set({ autoCloseAfter: written })).toMatchObject({ autoCloseAfter: read });
    expect(await policy()).toMatchObject({ account: { policy: { autoCloseAfter: read } } });
  });

  it.each(['30', '30 minutes', 'P1M', '-PT30M', ''])(
    'LP-10 is not %j: an error that says what is',
    async (written) => {
      const before = await policy();
      const { data, errors } = await api.ask(SET, { input: { autoCloseAfter: written } });
      expect(data).toBeUndefined();
      expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
      expect(errors?.[0]?.message).toMatch(/input\.autoCloseAfter.*an ISO 8601 duration/);
      expect(await policy()).toEqual(before);
    },
  );
});

it('PE-2 LP-5 a warning may come shorter before the close than the least threshold', async () => {
  const warned = { autoCloseAfter: 'PT25M', remindBefore: ['PT5M', 'PT1M'] };
  expect(await set(warned)).toMatchObject({ __typename: 'Policy', autoCloseAfter: 'PT25M' });
  expect(await unchanged({ remindBefore: ['PT59S'] })).toMatchObject({
    ...{ __typename: 'OutOfBoundsError', field: 'remindBefore[0]', min: 'PT1M', max: 'P90D' },
  });
  await set({ remindBefore: [] });
});

describe('what cannot be had', () => {
  it('LP-11 auto close cannot be switched off, nor away from anything: a typed error, at every place', async () => {
    for (const place of places())
      for (const [field, value] of [
        ['autoClose', false],
        ['autoCloseStatuses', []],
        ['autoCloseAwaiting', 'ANYBODY'],
        ['autoCloseCaseStatuses', ['open']],
        ['autoCloseThen', 'HOLD'],
      ] as const)
        expect(await unchanged({ [field]: value, autoCloseAfter: 'PT5H', ...place }), field).toEqual({
          ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field },
          allowed: 'profile LIVEPERSON lets nobody set it',
          message: `${field}: profile LIVEPERSON lets nobody set it`,
        });
  });

  it('LP-3 nothing ended is reopened: no window can be set', async () => {
    expect(await unchanged({ reopenWithin: 'PT1S' })).toMatchObject({
      ...{ __typename: 'OutOfBoundsError', field: 'reopenWithin', min: 'PT0S', max: 'PT0S' },
    });
  });

  it('LP-11 what awaits the agent says that its protection ends it, after 90 days', async () => {
    const [{ conversationId }] = await api.record({
      ...{ kind: 'INBOUND', channelId: channels['web both'], address: 'LP-11' },
    });
    const endsAt = inMs(90 * DAY).toISOString();
    expect(await one(conversationId, 'endsAt due { timer at }')).toEqual({
      ...{ endsAt, due: { timer: 'PROTECT', at: endsAt } },
    });
  });
});
