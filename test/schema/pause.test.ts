import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { DAY, HOUR, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
let app: string;
beforeAll(async () => {
  api = await openApi();
  const { deps, accountId } = api.engine;
  app = await ensureChannel(deps, accountId, { name: 'app', adapter: 'in-app', settings: {} });
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterEach(async () => {
  await resume();
  await resume({ channelId: api.id('Channel', app) });
});
afterAll(() => api.close());

const ANSWER = `{ __typename
  ... on Pauses { pauses { channel { name } since } }
  ... on Error { code ... on NotFoundError { field } ... on InvalidInputError { field } ... on ForbiddenError { scope } } }`;
const change =
  (name: string) =>
  async (args: { channelId?: string; why?: string } = {}, as?: string) => {
    const query = `mutation ($channelId: ID, $why: String) { ${name}(channelId: $channelId, why: $why) ${ANSWER} }`;
    return (await api.ask(query, args, as)).data[name];
  };
const pause = change('pauseAutomaticEnds');
const resume = change('resumeAutomaticEnds');

const wait = (ms: number) => api.engine.runUntil(new Date(api.engine.clock.now().getTime() + ms));
/** Creates a conversation that ann has just answered, and returns the time of the answer. */
async function quiet(address: string, channelId = api.engine.channelId): Promise<Date> {
  const target = { channelId, address };
  await api.engine.apply(
    { target, action: { kind: 'INBOUND' } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: api.engine.ann } },
  );
  return api.engine.clock.now();
}
async function dueOf(address: string) {
  const id = api.id('Conversation', (await api.engine.latest(address)).id);
  const { data } = await api.ask(
    'query ($id: ID!) { conversation(id: $id) { endsAt due { at timer } channel { paused } } }',
    { id },
  );
  return data.conversation;
}
const history = () =>
  api.engine.db
    .sql`select kind, channel_id, before, after, changed_by, why from rules_version order by version desc limit 1`;
const version = async () => (await api.ask('{ account { rulesVersion } }')).data.account.rulesVersion;

describe('pauseAutomaticEnds', () => {
  it('LL-15 stops all automatic ends at once, even those due already, and shows no due time', async () => {
    await quiet('due already');
    api.engine.clock.advance(3 * HOUR);
    expect(await pause({ why: 'the provider is down' })).toEqual({
      __typename: 'Pauses',
      pauses: [{ channel: null, since: api.engine.clock.now().toISOString() }],
    });
    expect(await dueOf('due already')).toEqual({ due: null, endsAt: null, channel: { paused: true } });
    await wait(DAY);
    await api.engine.wakeAll();
    expect(await api.engine.latest('due already')).toMatchObject({ status: 'ACTIVE' });
  });

  it('LL-15 does not affect other channels if it pauses one channel', async () => {
    await quiet('runs');
    await quiet('stands', app);
    await pause({ channelId: api.id('Channel', app) });
    await wait(2 * HOUR);
    expect(await api.engine.latest('runs')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    expect(await api.engine.latest('stands')).toMatchObject({ status: 'ACTIVE' });
    const { data } = await api.ask('{ channels { nodes { name paused } } pauses { channel { name } } }');
    expect(data.channels.nodes).toEqual([
      { name: 'app', paused: true },
      { name: 'web', paused: false },
    ]);
    expect(data.pauses).toEqual([{ channel: { name: 'app' } }]);
  });

  it('LL-15 writes no conversation, and adds one version with author and reason to the history', async () => {
    await quiet('untouched');
    const before = await api.engine.latest('untouched');
    await pause({ why: 'a holiday' });
    expect(await api.engine.latest('untouched')).toEqual(before);
    const [row] = await history();
    expect(row).toMatchObject({ kind: 'OUTAGE', before: null, after: { kind: 'PAUSE' }, why: 'a holiday' });
    expect(row?.changed_by).toMatch(/^key:/);
  });

  it('changes nothing when repeated: the pause keeps its start', async () => {
    const first = await pause();
    const seen = await version();
    api.engine.clock.advance(MINUTE);
    expect(await pause()).toEqual(first);
    expect(await version()).toBe(seen);
  });

  it('does not stop commands', async () => {
    await quiet('by hand');
    await pause();
    expect(await api.engine.does('by hand', { kind: 'END', by: 'AGENT' })).toMatchObject({
      outcome: 'APPLIED',
    });
  });
});

describe('resumeAutomaticEnds', () => {
  it('LL-15 excludes the pause: conversations close later by its length', async () => {
    const since = await quiet('paused');
    await wait(HOUR);
    await pause();
    await wait(5 * HOUR);
    expect(await resume()).toEqual({ __typename: 'Pauses', pauses: [] });
    expect(await dueOf('paused')).toMatchObject({
      due: { at: new Date(since.getTime() + 7 * HOUR).toISOString(), timer: 'AUTO_CLOSE' },
    });
    await wait(HOUR - MINUTE);
    expect(await api.engine.latest('paused')).toMatchObject({ status: 'ACTIVE' });
    await wait(MINUTE);
    expect(await api.engine.latest('paused')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(since.getTime() + 7 * HOUR),
      lateness_ms: '0',
    });
  });

  it('LL-15 counts overlapping pauses once, and automatic ends resume when both are over', async () => {
    const since = await quiet('both', app);
    const channelId = api.id('Channel', app);
    await pause();
    await wait(HOUR);
    await pause({ channelId });
    await wait(HOUR);
    expect((await resume()).pauses).toMatchObject([{ channel: { name: 'app' } }]);
    await wait(HOUR);
    const { id } =
      (
        await api.engine.db
          .sql`select id from conversation where channel_id = ${app} order by id desc limit 1`
      )[0] ?? {};
    const status = async () =>
      (await api.engine.db.sql`select status, ended_at from conversation where id = ${id}`)[0];
    await resume({ channelId });
    await wait(2 * HOUR - MINUTE);
    expect(await status()).toMatchObject({ status: 'ACTIVE' });
    await wait(MINUTE);
    expect(await status()).toEqual({ status: 'ENDED', ended_at: new Date(since.getTime() + 5 * HOUR) });
  });

  it('changes nothing if nothing is paused', async () => {
    const seen = await version();
    expect(await resume()).toEqual({ __typename: 'Pauses', pauses: [] });
    expect(await version()).toBe(seen);
  });
});

describe('a refused pause or resume changes nothing', () => {
  it('with an unknown channel, an id of another type, too long a reason or a missing scope', async () => {
    const seen = await version();
    const reader = await api.makeKey(['conversations:read', 'conversations:act']);
    for (const call of [pause, resume]) {
      const unknown = api.id('Channel', api.engine.deps.newId());
      expect(await call({ channelId: unknown })).toMatchObject({
        __typename: 'NotFoundError',
        field: 'channelId',
      });
      expect(await call({ channelId: api.sales })).toMatchObject({
        __typename: 'InvalidInputError',
        field: 'channelId',
      });
      expect(await call({ why: 'x'.repeat(1001) })).toMatchObject({ field: 'why' });
      expect(await call({}, reader)).toMatchObject({ scope: 'policies:write' });
    }
    expect(await version()).toBe(seen);
  });
});
