import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at } from '../support/engine.ts';
import {
  ALL_CHANNELS,
  type ChannelName,
  ENHANCED_CHANNELS,
  openSessions,
  type Sessions,
  STANDARD_CHANNELS,
} from './sessions.ts';

let api: Api;
let sessions: Sessions;
beforeAll(async () => {
  api = await openApi(at('12:00'), { profile: 'SALESFORCE' });
  sessions = await openSessions(api.engine);
});
afterAll(() => api.close());

const WITH_TIMEOUT: ChannelName[] = ['web chat', 'in-app chat', 'byoc'];
const channelId = (name: ChannelName) => api.id('Channel', sessions.idOf(name));
const ERROR =
  '... on Error { code message } ... on InvalidInputError { field allowed } ... on ForbiddenError { scope }';
const NOT_ALLOWED = '... on NotAllowedError { command status }';

async function set(input: Record<string, unknown>, as?: string) {
  const query = `mutation ($input: SetPolicyInput!) { setPolicy(input: $input) {
    __typename ... on Policy { inactivate inactivateAfter statusBasedCapacity manualInactivation }
    ... on OutOfBoundsError { field min max } ${ERROR} } }`;
  return (await api.ask(query, { input }, as)).data.setPolicy;
}
const version = async () => (await api.ask('{ account { rulesVersion } }')).data.account.rulesVersion;
/** What a change that is refused answers, the rules being what they were. */
async function refused(input: Record<string, unknown>) {
  const before = await version();
  const answer = await set(input);
  expect(await version()).toBe(before);
  return answer;
}

async function inactivate(address: string, as?: string) {
  const id = api.id('Conversation', (await api.engine.latest(address)).id);
  const query = `mutation ($id: ID!) { inactivateConversation(conversationId: $id) {
    __typename ... on Conversation { id status } ${ERROR} ${NOT_ALLOWED} } }`;
  return (await api.ask(query, { id }, as)).data.inactivateConversation;
}

describe('the customer inactivity timeout', () => {
  it.each(WITH_TIMEOUT)('SF-2 can be set on %s, from 5 to 30 minutes', async (name) => {
    const on = { channelId: channelId(name) };
    for (const inactivateAfter of ['PT4M59.999S', 'PT30M0.001S', 'PT0S', 'PT24H'])
      expect(await refused({ ...on, inactivateAfter })).toMatchObject({
        ...{ __typename: 'OutOfBoundsError', code: 'OUT_OF_BOUNDS' },
        ...{ field: 'inactivateAfter', min: 'PT5M', max: 'PT30M' },
      });
    for (const inactivateAfter of ['PT5M', 'PT30M'])
      expect(await set({ ...on, inactivate: true, inactivateAfter })).toMatchObject({
        inactivate: true,
        inactivateAfter,
      });
    expect(await set({ ...on, inactivate: null, inactivateAfter: null })).toMatchObject({
      inactivate: false,
    });
  });

  it.each(ALL_CHANNELS.filter((name) => !WITH_TIMEOUT.includes(name)))(
    'SF-2 cannot be set on %s',
    async (name) => {
      const on = { channelId: channelId(name) };
      const error = { __typename: 'InvalidInputError', code: 'INVALID_INPUT' };
      expect(await refused({ ...on, inactivate: true })).toMatchObject({
        ...{ ...error, field: 'inactivate' },
        allowed: 'this channel has no INACTIVATE: only false is allowed',
      });
      expect(await refused({ ...on, inactivateAfter: 'PT10M' })).toMatchObject({
        ...{ ...error, field: 'inactivateAfter' },
        allowed: 'this channel has no INACTIVATE: nothing is allowed',
      });
    },
  );

  it('SF-2 can be set on a channel alone: not on the account, nor for a skill', async () => {
    const places = [{}, { skillId: api.sales }, { channelId: channelId('byoc'), skillId: api.sales }];
    for (const place of places)
      for (const [field, value] of [
        ['inactivate', true],
        ['inactivate', false],
        ['inactivateAfter', 'PT10M'],
      ] as const)
        expect(await refused({ ...place, [field]: value })).toMatchObject({
          ...{ __typename: 'InvalidInputError', field },
          allowed: 'profile SALESFORCE has it set on a channel alone',
        });
  });

  it('SF-3 cannot be switched on while the account uses status-based capacity', async () => {
    expect(await set({ statusBasedCapacity: true })).toMatchObject({ statusBasedCapacity: true });
    for (const name of WITH_TIMEOUT)
      expect(
        await refused({ channelId: channelId(name), inactivate: true, inactivateAfter: 'PT5M' }),
      ).toMatchObject({
        ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'inactivate' },
        allowed: 'only false is allowed while statusBasedCapacity is on',
      });
    expect(
      await set({ channelId: channelId('byoc'), inactivate: false, inactivateAfter: 'PT5M' }),
    ).toMatchObject({
      ...{ inactivate: false, inactivateAfter: 'PT5M' },
    });
    await set({ statusBasedCapacity: null });
  });

  it('SF-3 nor that capacity while the timeout is on anywhere; once it is off, it can', async () => {
    const on = { channelId: channelId('in-app chat') };
    await set({ ...on, inactivate: true });
    expect(await refused({ statusBasedCapacity: true })).toMatchObject({
      ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'statusBasedCapacity' },
      allowed: 'only false is allowed while inactivate is on',
    });
    await set({ ...on, inactivate: false });
    expect(await set({ statusBasedCapacity: true })).toMatchObject({ statusBasedCapacity: true });
    expect(await set({ statusBasedCapacity: false })).toMatchObject({ statusBasedCapacity: false });
    expect(await set({ ...on, inactivate: true })).toMatchObject({ inactivate: true });
    await set({ ...on, inactivate: null });
    await set({ statusBasedCapacity: null });
  });

  it('SF-3 is the account’s: status-based capacity can be set nowhere else', async () => {
    for (const place of [{ channelId: channelId('byoc') }, { skillId: api.sales }])
      expect(await refused({ ...place, statusBasedCapacity: true })).toMatchObject({
        ...{ __typename: 'InvalidInputError', field: 'statusBasedCapacity' },
        allowed: 'profile SALESFORCE has it set on the account alone',
      });
  });

  it.each([
    ['endInactive', false],
    ['endInactiveAfter', 'PT25H'],
    ['endUnanswered', false],
    ['endUnansweredAfter', 'PT24H'],
    ['agentMessageWhenInactive', 'REACTIVATE'],
  ])('SF-6 SF-8 SF-9 %s is as Salesforce has it, and nobody can set it', async (field, value) => {
    for (const place of [{}, { channelId: channelId('in-app chat') }])
      expect(await refused({ ...place, [field]: value })).toMatchObject({
        ...{ __typename: 'InvalidInputError', field },
        allowed: 'profile SALESFORCE lets nobody set it',
      });
  });
});

describe('an INACTIVE session', () => {
  it.each(['web chat', 'apple messages'] as const)(
    'SF-6 on %s refuses the message of an agent',
    async (name) => {
      await sessions.on(name).inactive(`SF-6 ${name}`);
      const before = await api.engine.latest(`SF-6 ${name}`);
      const message = { kind: 'OUTBOUND', sender: 'AGENT', agentId: api.ann };
      const byAddress = { channelId: channelId(name), address: `SF-6 ${name}` };
      for (const target of [byAddress, { conversationId: api.id('Conversation', before.id) }]) {
        const [result] = await api.record({ ...message, ...target });
        expect(result).toMatchObject({
          ...{ outcome: 'REFUSED', conversationId: null },
          error: {
            __typename: 'NotAllowedError',
            code: 'NOT_ALLOWED',
            command: 'OUTBOUND',
            status: 'INACTIVE',
          },
        });
      }
      expect(await api.engine.conversations(`SF-6 ${name}`)).toEqual([before]);
    },
  );

  it('SF-6 elsewhere the answer is the new one, linked to the old', async () => {
    await sessions.on('line').inactive('SF-6 line');
    const old = api.id('Conversation', (await api.engine.latest('SF-6 line')).id);
    const message = { kind: 'OUTBOUND', sender: 'AGENT', agentId: api.ann };
    const [result] = await api.record({ ...message, channelId: channelId('line'), address: 'SF-6 line' });
    const query = `query ($id: ID!) { node(id: $id) { ... on Conversation {
      status startedBy previous { id status ending { reason by creditedAgent { name } } } } } }`;
    expect((await api.ask(query, { id: result.conversationId })).data.node).toEqual({
      ...{ status: 'NEW', startedBy: 'AGENT' },
      previous: {
        ...{ id: old, status: 'ENDED' },
        ending: { reason: 'SUPERSEDED', by: 'SYSTEM', creditedAgent: { name: 'ann' } },
      },
    });
  });
});

it.each(['web chat', 'apple messages'] as const)('SF-9 on %s startConversation is refused', async (name) => {
  const query = `mutation ($channelId: ID!, $by: Beginner!) {
    startConversation(channelId: $channelId, address: "SF-9", by: $by) { __typename ${ERROR} ${NOT_ALLOWED} } }`;
  for (const by of ['AGENT', 'AUTOMATION'])
    expect((await api.ask(query, { channelId: channelId(name), by })).data.startConversation).toEqual({
      ...{ __typename: 'NotAllowedError', code: 'NOT_ALLOWED', command: 'START', status: 'ENDED' },
      message: 'on this channel only the customer can begin a conversation',
    });
  expect(await api.engine.conversations('SF-9')).toEqual([]);
});

describe('marking a session INACTIVE by hand', () => {
  it('SF-12 needs a key that may act on conversations', async () => {
    await sessions.on('sms').answered('SF-12 scope');
    const reader = await api.makeKey(['conversations:read', 'policies:write', 'activities:write']);
    expect(await inactivate('SF-12 scope', reader)).toMatchObject({
      ...{ __typename: 'ForbiddenError', code: 'FORBIDDEN', scope: 'conversations:act' },
    });
    expect(await api.engine.latest('SF-12 scope')).toMatchObject({ status: 'ACTIVE' });
    const agent = await api.makeKey(['conversations:read', 'conversations:act']);
    expect(await inactivate('SF-12 scope', agent)).toMatchObject({
      __typename: 'Conversation',
      status: 'INACTIVE',
    });
  });

  it('SF-12 can be forbidden by the account', async () => {
    await sessions.on('sms').answered('SF-12 hidden');
    expect(await set({ manualInactivation: false })).toMatchObject({ manualInactivation: false });
    expect(await inactivate('SF-12 hidden')).toMatchObject({
      ...{ __typename: 'NotAllowedError', code: 'NOT_ALLOWED', command: 'INACTIVATE', status: 'ACTIVE' },
      message: 'the account lets nobody do this by hand',
    });
    expect(await api.engine.latest('SF-12 hidden')).toMatchObject({ status: 'ACTIVE', revision: 2 });
    expect(await refused({ channelId: channelId('sms'), manualInactivation: true })).toMatchObject({
      ...{ __typename: 'InvalidInputError', field: 'manualInactivation' },
    });
    await set({ manualInactivation: null });
    expect(await inactivate('SF-12 hidden')).toMatchObject({ status: 'INACTIVE' });
  });

  it.each(STANDARD_CHANNELS)('SF-12 is not possible on %s', async (name) => {
    await sessions.on(name).answered(`SF-12 ${name}`);
    expect(await inactivate(`SF-12 ${name}`)).toMatchObject({
      ...{ __typename: 'NotAllowedError', command: 'INACTIVATE', status: 'ACTIVE' },
      message: 'this channel has no inactive conversations',
    });
    expect(await api.engine.latest(`SF-12 ${name}`)).toMatchObject({ status: 'ACTIVE', revision: 2 });
  });

  it.each(ENHANCED_CHANNELS)('SF-12 is possible on %s while it is ACTIVE', async (name) => {
    await sessions.on(name).writes(`SF-12 ${name}`);
    expect(await inactivate(`SF-12 ${name}`)).toMatchObject({
      __typename: 'NotAllowedError',
      status: 'WAITING',
    });
    await sessions.on(name).answers(`SF-12 ${name}`);
    expect(await inactivate(`SF-12 ${name}`)).toMatchObject({ status: 'INACTIVE' });
  });
});
