import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureSkills } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
const skills: Record<string, string> = {};
const channels: Record<string, string> = {};
const SHOWN = { secret: 'a secret for the tests', showSurvey: true, showCloseMessage: true };
beforeAll(async () => {
  api = await openApi(at('12:00'));
  const { deps, accountId } = api.engine;
  for (const name of ['app', 'other app'])
    channels[name] = api.id(
      'Channel',
      await ensureChannel(deps, accountId, { name, adapter: 'in-app', settings: SHOWN }),
    );
});
afterAll(() => api.close());

const now = () => api.engine.clock.now();
const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const one = async (id: string, fields: string) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${fields} } }`, { id })).data.conversation;
const SET = /* GraphQL */ `
  mutation ($input: SetPolicyInput!) {
    setPolicy(input: $input) {
      __typename
      ... on Policy { autoCloseAfter remindBefore closeMessages { locale text } tagOnClose }
      ... on OutOfBoundsError { field min max }
      ... on InvalidInputError { field allowed }
    }
  }
`;
const setPolicy = async (input: Record<string, unknown>) => (await api.ask(SET, { input })).data.setPolicy;
async function skill(name: string): Promise<string> {
  const { deps, accountId } = api.engine;
  skills[name] ??= api.id('Skill', (await ensureSkills(deps, accountId, [name])).get(name) as string);
  return skills[name];
}
async function begun(address: string, more: Record<string, unknown> = {}, channelId = api.channel) {
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', channelId, address, ...more },
    { kind: 'OUTBOUND', channelId, address, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId as string;
}

describe('timers, as clients see them', () => {
  type Case = {
    is: string;
    policy?: Record<string, unknown>;
    first?: 'START' | 'INBOUND';
    next?: Record<string, unknown>[];
    due: { timer: string; willDo: string; endReason: string | null };
    afterMs: number;
    endsAfterMs?: number;
  };
  const DAYS_90 = 90 * DAY;
  const closing = { timer: 'AUTO_CLOSE', endReason: null };
  const waiting = { timer: 'QUEUE_TIMEOUT' };
  const queue = { queueTimeout: true, queueTimeoutAfter: 'PT1H' };
  const cases: Case[] = [
    {
      ...{ is: 'a close', policy: { autoCloseAfter: 'PT2H' }, afterMs: 2 * HOUR },
      due: { timer: 'AUTO_CLOSE', willDo: 'END', endReason: 'AUTO_CLOSE' },
    },
    {
      ...{ is: 'a warning', policy: { autoCloseAfter: 'PT2H', remindBefore: ['PT30M'] } },
      ...{ due: { timer: 'REMIND', willDo: 'REMIND', endReason: null } },
      ...{ afterMs: 90 * MINUTE, endsAfterMs: 2 * HOUR },
    },
    {
      ...{ is: 'a hold by itself', policy: { autoCloseAfter: 'PT2H', autoCloseThen: 'HOLD' } },
      ...{ due: { ...closing, willDo: 'HOLD' }, afterMs: 2 * HOUR, endsAfterMs: DAYS_90 },
    },
    {
      ...{ is: 'a return to the queue', policy: { autoCloseAfter: 'PT2H', autoCloseThen: 'TO_QUEUE' } },
      ...{ due: { ...closing, willDo: 'TO_QUEUE' }, afterMs: 2 * HOUR, endsAfterMs: DAYS_90 },
    },
    {
      ...{ is: 'inactivity', policy: { inactivate: true, inactivateAfter: 'PT10M' } },
      ...{ due: { timer: 'INACTIVATE', willDo: 'INACTIVATE', endReason: null } },
      ...{ afterMs: 10 * MINUTE, endsAfterMs: DAYS_90 },
    },
    {
      ...{ is: 'the end of inactivity', next: [{ kind: 'INACTIVATE' }], afterMs: DAY },
      due: { timer: 'END_INACTIVE', willDo: 'END', endReason: 'INACTIVE' },
    },
    {
      ...{ is: 'no answer', first: 'START', afterMs: 2 * DAY },
      due: { timer: 'END_UNANSWERED', willDo: 'END', endReason: 'UNANSWERED' },
    },
    {
      ...{ is: 'the queue', first: 'INBOUND', policy: queue, afterMs: HOUR },
      due: { ...waiting, willDo: 'END', endReason: 'QUEUE_TIMEOUT' },
    },
    {
      ...{ is: 'the overflow', first: 'INBOUND', policy: { ...queue, queueTimeoutThen: 'OVERFLOW' } },
      ...{ due: { ...waiting, willDo: 'OVERFLOW', endReason: null }, afterMs: HOUR, endsAfterMs: DAYS_90 },
    },
    {
      ...{ is: 'the end of a hold', next: [{ kind: 'HOLD', until: 'in an hour' }] },
      ...{ due: { timer: 'RELEASE_HOLD', willDo: 'RELEASE', endReason: null } },
      ...{ afterMs: HOUR, endsAfterMs: DAYS_90 },
    },
    {
      ...{ is: 'the protection', first: 'INBOUND', afterMs: DAYS_90 },
      due: { timer: 'PROTECT', willDo: 'END', endReason: 'PROTECTION' },
    },
  ];

  it.each(cases)('PE-1 show $is: what, when, and at that instant it does', async (given) => {
    const { is, policy = {}, first, next = [], due, afterMs, endsAfterMs = afterMs } = given;
    const skillId = await skill(is);
    const overflowSkillId = policy.queueTimeoutThen === 'OVERFLOW' ? { overflowSkillId: api.sales } : {};
    expect(await setPolicy({ ...policy, ...overflowSkillId, skillId })).toMatchObject({
      __typename: 'Policy',
    });
    const where = { channelId: api.channel, address: is, skillId };
    const start = { START: { kind: 'START', by: 'AGENT', agentId: api.ann }, INBOUND: { kind: 'INBOUND' } };
    const id = first
      ? (await api.record({ ...start[first], ...where }))[0].conversationId
      : await begun(is, { skillId });
    for (const each of next) {
      const until = each.until ? { until: plus(now(), HOUR).toISOString() } : {};
      await api.record({ ...each, ...until, conversationId: id });
    }
    const instant = plus(now(), afterMs).toISOString();
    const foreseen = { due: { ...due, at: instant }, endsAt: plus(now(), endsAfterMs).toISOString() };
    expect(await one(id, 'due { timer willDo endReason at } endsAt')).toEqual(foreseen);
    await api.engine.jumpTo(plus(new Date(instant), -MINUTE));
    await api.engine.runUntil(plus(new Date(instant), -1));
    expect(await one(id, 'due { timer willDo endReason at } endsAt')).toEqual(foreseen);
    await api.engine.runUntil(new Date(instant));
    const { feed, ending } = await one(id, 'feed { nodes { timer at } } ending { reason at }');
    expect(feed.nodes.at(-1)).toEqual({ timer: due.timer, at: instant });
    expect(ending).toEqual(due.willDo === 'END' ? { reason: due.endReason, at: instant } : null);
  });

  it('PE-1 durations read and write as ISO 8601, and anything else is refused by name', async () => {
    expect(await setPolicy({ autoCloseAfter: 'PT90M', remindBefore: ['PT10M', 'PT1H'] })).toMatchObject({
      ...{ autoCloseAfter: 'PT1H30M', remindBefore: ['PT1H', 'PT10M'] },
    });
    for (const wrong of ['90 minutes', '90', '-PT1H', 'P1M', ''])
      expect(await api.ask(SET, { input: { autoCloseAfter: wrong } }), wrong).toMatchObject({
        errors: [{ message: expect.stringContaining('ISO 8601') }],
      });
    await setPolicy({ autoCloseAfter: null, remindBefore: null });
  });

  it('PE-2 a warning that would not come before its close is refused, also where the close is shortened', async () => {
    const skillId = await skill('warned');
    expect(await setPolicy({ skillId, autoCloseAfter: 'PT1H', remindBefore: ['PT10M', 'PT1H'] })).toEqual({
      ...{ __typename: 'InvalidInputError', field: 'remindBefore[0]' },
      allowed: 'a duration below autoCloseAfter (PT1H) is allowed',
    });
    expect(
      await setPolicy({ skillId, autoCloseAfter: 'PT1H', remindBefore: ['PT10M', 'PT59M'] }),
    ).toMatchObject({
      ...{ __typename: 'Policy', remindBefore: ['PT59M', 'PT10M'] },
    });
    expect(await setPolicy({ skillId, autoCloseAfter: 'PT30M' })).toMatchObject({
      ...{ __typename: 'InvalidInputError', field: 'remindBefore[0]' },
    });
    const four = ['PT10M', 'PT20M', 'PT30M', 'PT40M'];
    expect(await setPolicy({ skillId, remindBefore: four })).toMatchObject({
      ...{
        __typename: 'InvalidInputError',
        field: 'remindBefore',
        allowed: 'a list of at most 3 is allowed',
      },
    });
    expect(await setPolicy({ skillId })).toMatchObject({
      autoCloseAfter: 'PT1H',
      remindBefore: ['PT59M', 'PT10M'],
    });
  });
});

describe('what the customer is told', () => {
  const CLOSING = 'closing { closeMessage }';
  const told = async (id: string) => (await one(id, CLOSING)).closing.closeMessage;

  it('PE-3 the close message is that of the channel and of the language that the client last reported', async () => {
    const texts = (...of: [string | null, string][]) => of.map(([locale, text]) => ({ locale, text }));
    await setPolicy({ closeMessages: texts([null, 'Goodbye'], ['pt', 'Adeus'], ['pt-BR', 'Tchau']) });
    await setPolicy({ closeMessages: texts(['de', 'Tschüss']), channelId: channels['other app'] });
    const id = await begun('speaks', {}, channels.app);
    expect(await told(id)).toBe('Goodbye');
    for (const [report, text] of [
      [{ kind: 'INBOUND', locale: 'pt-PT' }, 'Adeus'],
      [{ kind: 'CLIENT', locale: 'pt-BR' }, 'Tchau'],
      [{ kind: 'CLIENT', clientVersion: '2.0' }, 'Tchau'],
      [{ kind: 'INBOUND', locale: 'de-AT' }, 'Goodbye'],
      [{ kind: 'INBOUND' }, 'Goodbye'],
    ] as const) {
      await api.record({ ...report, channelId: channels.app, address: 'speaks' });
      expect(await told(id)).toBe(text);
    }
    expect(await one(id, 'contact { locale }')).toEqual({ contact: { locale: 'de-AT' } });

    const elsewhere = await begun('speaks', { locale: 'de-AT' }, channels['other app']);
    expect(await told(elsewhere)).toBe('Tschüss');
    await api.record({ kind: 'CLIENT', locale: 'fr', channelId: channels['other app'], address: 'speaks' });
    expect(await told(elsewhere)).toBe('Conversation resolved by you');
    await api.record({ kind: 'END', by: 'AGENT', conversationId: id });
    expect(await told(id)).toBe('Goodbye');
    await setPolicy({ closeMessages: null });
  });

  const hi = { text: 'Hi' };
  it.each([
    [
      'closeMessages[1].locale',
      [
        { locale: 'pt-br', ...hi },
        { locale: 'pt-BR', ...hi },
      ],
    ],
    ['closeMessages[0].locale', [{ locale: 'not a language', ...hi }]],
    ['closeMessages[0].text', [{ locale: 'en', text: ' ' }]],
  ])('PE-3 what is wrong with %s is refused by name', async (field, closeMessages) => {
    expect(await setPolicy({ closeMessages })).toMatchObject({ __typename: 'InvalidInputError', field });
  });
});

describe('the tag of an automatic end', () => {
  const TAGS = 'tags status feed(first: 50) { nodes { kind timer tagsAdded } }';

  it('PE-3 is added once, in the feed as well, and by no end by hand', async () => {
    const skillId = await skill('tagged');
    await setPolicy({ skillId, autoCloseAfter: 'PT1H', tagOnClose: 'went quiet' });
    const byTimer = await begun('tagged by timer', { skillId });
    const byHand = await begun('tagged by hand', { skillId });
    await api.record(
      { kind: 'TAG', conversationId: byTimer, add: ['vip'] },
      { kind: 'END', by: 'AGENT', conversationId: byHand },
    );
    expect(await one(byHand, TAGS)).toMatchObject({ tags: [], status: 'ENDED' });
    await api.engine.runUntil(plus(now(), HOUR));
    const closed = await one(byTimer, TAGS);
    expect(closed).toMatchObject({ tags: ['vip', 'went quiet'], status: 'ENDED' });
    expect(closed.feed.nodes.at(-1)).toEqual({
      ...{ kind: 'TIMER', timer: 'AUTO_CLOSE', tagsAdded: ['went quiet'] },
    });
    api.engine.clock.advance(1);
    await begun('tagged by timer');
    await api.engine.runUntil(plus(now(), HOUR));
    expect(await one(byTimer, TAGS)).toMatchObject({ tags: ['vip', 'went quiet'], status: 'ENDED' });
  });

  it('PE-3 is added by every timer that ends, and by none that does not', async () => {
    const skillId = await skill('tagged by others');
    const twice = { autoCloseAfter: 'PT1H', remindBefore: ['PT30M'], autoCloseThen: 'TO_QUEUE' };
    await setPolicy({ skillId, ...twice, tagOnClose: 'out', queueTimeout: true, queueTimeoutAfter: 'PT2H' });
    const id = await begun('through the queue', { skillId });
    await api.engine.runUntil(plus(now(), HOUR));
    expect(await one(id, 'tags status')).toEqual({ tags: [], status: 'WAITING' });
    await api.engine.runUntil(plus(now(), 2 * HOUR));
    expect(await one(id, 'tags ending { reason }')).toEqual({
      ...{ tags: ['out'], ending: { reason: 'QUEUE_TIMEOUT' } },
    });
  });
});

describe('who ended it', () => {
  it('PE-14 is kept for each role: customer, agent, supervisor, bot and system', async () => {
    const skillId = await skill('roles');
    await setPolicy({ skillId, autoCloseAfter: 'PT1H' });
    for (const by of ['CUSTOMER', 'AGENT', 'SUPERVISOR', 'BOT']) {
      const id = await begun(`ended by ${by}`, { skillId });
      const [{ outcome }] = await api.record({ kind: 'END', by, conversationId: id });
      expect(outcome).toBe('APPLIED');
      expect(
        await one(id, 'ending { by reason latenessMs } feed { nodes { kind actor effect } }'),
      ).toMatchObject({
        ending: { by, reason: 'COMMAND', latenessMs: null },
        feed: { nodes: { 2: { kind: 'END', actor: by, effect: 'ENDED' } } },
      });
    }
    const optedOut = await begun('ended by opting out', { skillId });
    const stop = { kind: 'INBOUND', channelId: api.channel, address: 'ended by opting out', text: 'STOP' };
    await api.record(stop);
    const byTimer = await begun('ended by time', { skillId });
    await api.engine.runUntil(plus(now(), HOUR));
    expect(await one(optedOut, 'ending { by reason }')).toEqual({
      ending: { by: 'CUSTOMER', reason: 'OPT_OUT' },
    });
    expect(await one(byTimer, 'ending { by reason }')).toEqual({
      ending: { by: 'SYSTEM', reason: 'AUTO_CLOSE' },
    });
    const [refused] = await api.record({ kind: 'END', by: 'AUTOMATION', conversationId: byTimer });
    expect(refused).toMatchObject({ outcome: 'REFUSED', error: { field: 'activities[0].by' } });
  });
});
