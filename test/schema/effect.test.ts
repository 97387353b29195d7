import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount, ensureAgents } from '../../src/accounts/setup.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { deliverMessage } from '../../src/delivery/deliver-message.ts';
import type { EffectHandlers } from '../../src/delivery/effect-result.ts';
import { openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { SMS } from '../adapters/samples/twilio.ts';
import { STANDARD } from '../adapters/samples.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { MINUTE, step } from '../support/engine.ts';
import { ensureChannel, openSender } from '../support/flows.ts';
import { openReceiver } from '../support/receiver.ts';

let api: Api;
let platform: Awaited<ReturnType<typeof openReceiver>>;
let status = 400;
let nudges = 0;
let byoc: string;
let sms: string;
let theirKey: string;
beforeAll(async () => {
  api = await openApi();
  const { engine, deps } = api;
  platform = await openReceiver(() => status);
  engine.steps.nudgeSender = () => step(() => nudges++);
  const settings = { ...STANDARD, deliverUrl: platform.url, showSurvey: false };
  const open = (adapter: string, given: object, accountId = engine.accountId) =>
    ensureChannel(engine.deps, accountId, {
      ...{ name: adapter, adapter, settings: parseSettings(deps.registry.get(adapter), given) },
    });
  byoc = await open('byoc', settings);
  sms = await open('sms', { ...SMS, apiUrl: platform.url, surveyText: undefined });
  const accountId = await createAccount(engine.deps, { name: 'theirs' });
  await ensureAgents(engine.deps, accountId, ['ann']);
  theirKey = await api.makeKey(SCOPES, accountId);
});
afterAll(async () => {
  platform.close();
  await api.close();
});

const EFFECT = `id kind state part attempts error createdAt doneAt channel { id } conversation { id }`;
const LIST = `query ($channelId: ID, $first: Int, $after: String) {
  undelivered(channelId: $channelId, first: $first, after: $after) {
    nodes { ${EFFECT} } pageInfo { hasNextPage endCursor } } }`;
// biome-ignore lint/suspicious/noExplicitAny: responses have the shape that their query selects
type Row = Record<string, any>;
const list = async (variables: object = {}, as?: string): Promise<Row[]> =>
  (await api.ask(LIST, { ...variables }, as)).data.undelivered.nodes;
const settle = async (name: 'retryEffect' | 'dropEffect', effectId: unknown, as?: string): Promise<Row> => {
  const errors = `... on Error { code } ... on NotFoundError { field } ... on InvalidInputError { field }
    ... on ConflictError { field message } ... on ForbiddenError { scope }`;
  const mutation = `mutation ($effectId: ID!) { ${name}(effectId: $effectId) {
    __typename ... on Effect { ${EFFECT} } ${errors} } }`;
  return (await api.ask(mutation, { effectId }, as)).data[name];
};

/** Sends all due effects, as a worker does. */
async function send() {
  const { engine, deps } = api;
  const fetchWithin = openGuardedFetch({ allowPrivate: true });
  const handlers: EffectHandlers = {
    DELIVER_MESSAGE: deliverMessage({ ...deps, limit: async () => 0, fetchWithin }),
    SEND_WEBHOOK: async () => ({ state: 'SENT' }),
  };
  await openSender(engine.deps, handlers, deps.log).drain();
}

/** Ends a conversation whose close message is answered with this status. Returns the effect that was given up, if any. */
async function given(address: string, answered: number, channelId = byoc): Promise<Row | undefined> {
  const target = { channelId, address };
  await api.engine.apply(
    { target, action: { kind: 'INBOUND' } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: api.engine.ann } },
    { target, action: { kind: 'END', by: 'AGENT' } },
  );
  status = answered;
  await send();
  status = 200;
  const conversation = { id: api.id('Conversation', (await api.engine.latest(address)).id) };
  return (await list()).find((row) => row.conversation.id === conversation.id);
}
const feed = async (address: string) =>
  (await api.engine.feed((await api.engine.latest(address)).id))
    .filter(({ kind, data }) => kind === 'DELIVERY' && data?.part === 'CLOSE_MESSAGE')
    .map(({ data }) => data?.outcome);

describe('an undelivered effect', () => {
  it('is listed in pages, the oldest first, for all channels or for one', async () => {
    const first = await given('first', 400);
    const conversation = { id: api.id('Conversation', (await api.engine.latest('first')).id) };
    expect(first).toEqual({
      ...{
        id: expect.any(String),
        kind: 'DELIVER_MESSAGE',
        state: 'DEAD',
        part: 'CLOSE_MESSAGE',
        attempts: 1,
      },
      ...{ error: 'the provider answered 400', channel: { id: api.id('Channel', byoc) }, conversation },
      createdAt: api.engine.clock.now().toISOString(),
      doneAt: api.engine.clock.now().toISOString(),
    });
    const second = await given('second', 401, sms);
    expect(await given('taken', 200)).toBeUndefined();
    expect(await given('pending', 503)).toBeUndefined();
    const third = await given('third', 404);
    expect(await list()).toEqual([first, second, third]);
    expect(await list({ channelId: api.id('Channel', sms) })).toEqual([second]);
    expect(await list({ channelId: api.channel })).toEqual([]);
    const { undelivered } = (await api.ask(LIST, { first: 2 })).data;
    expect([undelivered.nodes, undelivered.pageInfo.hasNextPage]).toEqual([[first, second], true]);
    expect(await list({ first: 2, after: undelivered.pageInfo.endCursor })).toEqual([third]);
  });

  it('is sent again with a fresh count of attempts after retryEffect; a second retry is a CONFLICT', async () => {
    const dead = await given('again', 400);
    api.engine.clock.advance(MINUTE);
    const asked = nudges;
    const retried = await settle('retryEffect', dead?.id);
    expect(retried).toMatchObject({
      __typename: 'Effect',
      id: dead?.id,
      state: 'PENDING',
      attempts: 0,
      doneAt: null,
    });
    expect(nudges).toBe(asked + 1);
    expect(await list()).not.toContainEqual(expect.objectContaining({ id: dead?.id }));
    await send();
    expect(await feed('again')).toEqual(['REFUSED', 'SENT']);
    expect(await settle('retryEffect', dead?.id)).toMatchObject({ code: 'CONFLICT', field: 'effectId' });
  });

  it('is given up again if the provider refuses the retry', async () => {
    const dead = await given('in vain', 400);
    await settle('retryEffect', dead?.id);
    status = 400;
    await send();
    status = 200;
    expect(await feed('in vain')).toEqual(['REFUSED', 'REFUSED']);
    expect(await list()).toContainEqual(
      expect.objectContaining({ id: dead?.id, state: 'DEAD', attempts: 1 }),
    );
  });

  it('is listed as UNCONFIRMED if its outcome is unknown, and is sent again only by retryEffect', async () => {
    const { sql } = api.engine.db;
    await given('unknown', 503, sms);
    await sql`update outbox set begun_at = ${api.engine.clock.now()} where state = 'PENDING' and channel_id = ${sms}`;
    api.engine.clock.advance(MINUTE);
    const calls = platform.calls.length;
    await send();
    const found = (await list({ channelId: api.id('Channel', sms) })).find(
      ({ state }) => state === 'UNCONFIRMED',
    );
    expect(await feed('unknown')).toEqual(['UNCONFIRMED']);
    const sentBefore = platform.calls.slice(calls).filter(({ body }) => body.includes('unknown'));
    expect(sentBefore).toEqual([]);
    await settle('retryEffect', found?.id);
    await send();
    expect(await feed('unknown')).toEqual(['UNCONFIRMED', 'SENT']);
  });

  it('SF-11 is skipped on retry if the customer has opted out in the meantime', async () => {
    const dead = await given('opted out', 400);
    await api.engine.apply({
      ...{ target: { channelId: byoc, address: 'opted out' }, action: { kind: 'INBOUND', text: 'STOP' } },
    });
    const calls = platform.calls.length;
    await settle('retryEffect', dead?.id);
    await send();
    expect(platform.calls).toHaveLength(calls);
    expect(await feed('opted out')).toEqual(['REFUSED', 'SKIPPED']);
  });

  it('is dropped for good by dropEffect: a later retry or drop is a CONFLICT', async () => {
    const dead = await given('dropped', 400);
    const now = api.engine.clock.now().toISOString();
    expect(await settle('dropEffect', dead?.id)).toMatchObject({ state: 'DROPPED', doneAt: now });
    for (const name of ['retryEffect', 'dropEffect'] as const)
      expect(await settle(name, dead?.id)).toMatchObject({
        ...{ __typename: 'ConflictError', code: 'CONFLICT', field: 'effectId' },
        message: expect.stringContaining('DROPPED'),
      });
    const calls = platform.calls.length;
    await send();
    expect(platform.calls).toHaveLength(calls);
  });
});

describe.each(['retryEffect', 'dropEffect'] as const)('%s changes nothing', (name) => {
  let dead: Row;
  beforeAll(async () => {
    dead = (await given(`untouched by ${name}`, 400)) as Row;
  });
  const isUntouched = async () => expect(await list()).toContainEqual(dead);

  it('if the effect belongs to another account, where it is not visible', async () => {
    expect(await settle(name, dead.id, theirKey)).toMatchObject({ code: 'NOT_FOUND', field: 'effectId' });
    expect(await list({}, theirKey)).toEqual([]);
    const { data } = await api.ask('query ($id: ID!) { node(id: $id) { id } }', { id: dead.id }, theirKey);
    expect(data.node).toBeNull();
    await isUntouched();
  });

  it('without the scope accounts:write', async () => {
    const key = await api.makeKey(SCOPES.filter((scope) => scope !== 'accounts:write'));
    expect(await settle(name, dead.id, key)).toMatchObject({ code: 'FORBIDDEN', scope: 'accounts:write' });
    await isUntouched();
  });

  it.each([
    ['a malformed id', () => 'x', 'INVALID_INPUT'],
    ['an id of another type', () => api.channel, 'INVALID_INPUT'],
    ['an unknown id', () => api.id('Effect', '018f0000-0000-7000-8000-000000000000'), 'NOT_FOUND'],
  ])('for %s', async (_, id, code) => {
    expect(await settle(name, id())).toMatchObject({ code, field: 'effectId' });
  });

  it('if the effect is PENDING or SENT', async () => {
    const { sql } = api.engine.db;
    await given(`pending at ${name}`, 503);
    for (const state of ['PENDING', 'SENT']) {
      const [row] = await sql`select id from outbox where state = ${state} limit 1`;
      const result = await settle(name, api.id('Effect', row?.id));
      expect(result).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(state) });
    }
  });
});

it('undelivered with an unknown or malformed channelId is an error that names the field', async () => {
  const nobodys = api.id('Channel', '018f0000-0000-7000-8000-000000000000');
  for (const [channelId, code] of [
    [nobodys, 'NOT_FOUND'],
    ['x', 'INVALID_INPUT'],
  ])
    expect((await api.ask(LIST, { channelId })).errors).toMatchObject([
      { extensions: { code, field: 'channelId' } },
    ]);
});
