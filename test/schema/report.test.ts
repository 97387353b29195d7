import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureSkills } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, MINUTE } from '../support/engine.ts';
import { playAfternoon } from '../support/report-world.ts';

const REPORT = /* GraphQL */ `
  query ($from: DateTime!, $until: DateTime!, $by: ReportGrouping! = NONE, $channelId: ID, $skillId: ID) {
    report(from: $from, until: $until, by: $by, channelId: $channelId, skillId: $skillId) {
      from until total { ...row } groups { ...row } hasMoreGroups
    }
  }
  fragment row on ReportRow {
    channel { name } skill { name } agent { name } started
    all { ...figures } automatic { ...figures } manual { ...figures }
    lateness { p50Ms p99Ms }
  }
  fragment figures on ReportFigures {
    totalClosed samePeriodClosed caseCompletionRate averageHandleTime
    reasons { reason closed } enders { by closed }
  }
`;
const PERIOD = { from: at('13:00').toISOString(), until: at('15:00').toISOString() };
const NO_ENDS = {
  ...{ totalClosed: 0, samePeriodClosed: 0, caseCompletionRate: null, averageHandleTime: null },
  ...{ reasons: [], enders: [] },
};
const NOTHING = {
  ...{ channel: null, skill: null, agent: null, started: 0, lateness: null },
  ...{ all: NO_ENDS, automatic: NO_ENDS, manual: NO_ENDS },
};

let api: Api;
let otherChannel: string;
beforeAll(async () => {
  api = await openApi(at('12:00'));
  otherChannel = api.id('Channel', await playAfternoon(api.engine));
});
afterAll(() => api.close());

const report = async (variables: Record<string, unknown> = {}) => {
  const { data, errors } = await api.ask(REPORT, { ...PERIOD, ...variables });
  expect(errors).toBeUndefined();
  return data.report;
};

describe('the report of a period', () => {
  it('SP-9, SP-12, PE-14, LL-13 counts what was started and closed, automatic apart from manual', async () => {
    expect(await report()).toEqual({
      ...PERIOD,
      total: {
        ...NOTHING,
        started: 8,
        all: {
          totalClosed: 5,
          samePeriodClosed: 4,
          caseCompletionRate: 0.5,
          averageHandleTime: 'PT41M3.2S',
          reasons: [
            { reason: 'AUTO_CLOSE', closed: 3 },
            { reason: 'COMMAND', closed: 1 },
            { reason: 'OPT_OUT', closed: 1 },
          ],
          enders: [
            { by: 'SYSTEM', closed: 3 },
            { by: 'AGENT', closed: 1 },
            { by: 'CUSTOMER', closed: 1 },
          ],
        },
        automatic: {
          totalClosed: 3,
          samePeriodClosed: 2,
          caseCompletionRate: 0.25,
          averageHandleTime: 'PT1H5.333S',
          reasons: [{ reason: 'AUTO_CLOSE', closed: 3 }],
          enders: [{ by: 'SYSTEM', closed: 3 }],
        },
        manual: {
          totalClosed: 2,
          samePeriodClosed: 2,
          caseCompletionRate: 0.25,
          averageHandleTime: 'PT12M30S',
          reasons: [
            { reason: 'COMMAND', closed: 1 },
            { reason: 'OPT_OUT', closed: 1 },
          ],
          enders: [
            { by: 'AGENT', closed: 1 },
            { by: 'CUSTOMER', closed: 1 },
          ],
        },
        lateness: { p50Ms: 5_000, p99Ms: 9_000 },
      },
      groups: [],
      hasMoreGroups: false,
    });
  });

  it('SP-8 groups by the agent credited with the end, with one group for ends that credit nobody', async () => {
    const { total, groups, hasMoreGroups } = await report({ by: 'AGENT' });
    expect(total).toEqual((await report()).total);
    expect(hasMoreGroups).toBe(false);
    expect(groups).toMatchObject([
      {
        agent: null,
        started: 5,
        all: { totalClosed: 1, samePeriodClosed: 1, caseCompletionRate: 0.2, averageHandleTime: 'PT10M' },
        automatic: { ...NO_ENDS, caseCompletionRate: 0 },
        lateness: null,
      },
      {
        agent: { name: 'ann' },
        started: 2,
        all: { totalClosed: 3, samePeriodClosed: 2, caseCompletionRate: 1 },
        automatic: { totalClosed: 3, averageHandleTime: 'PT1H5.333S' },
        manual: { ...NO_ENDS, caseCompletionRate: 0 },
        lateness: { p50Ms: 5_000, p99Ms: 9_000 },
      },
      {
        agent: { name: 'bob' },
        started: 1,
        all: { totalClosed: 1, samePeriodClosed: 1, caseCompletionRate: 1, averageHandleTime: 'PT15M' },
        automatic: { ...NO_ENDS, caseCompletionRate: 0 },
        lateness: null,
      },
    ]);
  });

  it('SP-9 groups by skill and by channel, the largest first', async () => {
    const bySkill = (await report({ by: 'SKILL' })).groups;
    expect(bySkill).toMatchObject([
      {
        ...{ skill: { name: 'sales' }, channel: null, agent: null, started: 3 },
        all: { totalClosed: 3, samePeriodClosed: 2, caseCompletionRate: 2 / 3 },
      },
      { skill: null, started: 4, all: { totalClosed: 1, samePeriodClosed: 1, caseCompletionRate: 0.25 } },
      { skill: { name: 'care' }, started: 1, all: { totalClosed: 1, samePeriodClosed: 1 } },
    ]);
    const byChannel = (await report({ by: 'CHANNEL' })).groups;
    expect(byChannel).toMatchObject([
      { channel: { name: 'web' }, skill: null, agent: null, started: 7, all: { totalClosed: 5 } },
      { channel: { name: 'other' }, started: 1, all: { totalClosed: 0, averageHandleTime: null } },
    ]);
  });

  it('SP-9 is limited to one channel or skill on request, in its total and its groups', async () => {
    expect(await report({ channelId: otherChannel, by: 'CHANNEL' })).toMatchObject({
      total: { started: 1, all: { totalClosed: 0 } },
      groups: [{ channel: { name: 'other' }, started: 1 }],
    });
    expect(await report({ skillId: api.sales, by: 'AGENT' })).toMatchObject({
      total: { started: 3, all: { totalClosed: 3, samePeriodClosed: 2 }, lateness: { p99Ms: 9_000 } },
      groups: [
        { agent: { name: 'ann' }, started: 2 },
        { agent: null, started: 1, all: { totalClosed: 0 } },
      ],
    });
    const neither = await report({ channelId: otherChannel, skillId: api.sales });
    expect(neither.total).toEqual(NOTHING);
  });

  it('SP-9 includes its first instant and excludes its last, to the millisecond', async () => {
    const around = async (from: number, until: number, time: string) => {
      const instant = (ms: number) => new Date(at(time).getTime() + ms).toISOString();
      const { total } = await report({ from: instant(from), until: instant(until) });
      return [total.started, total.all.totalClosed];
    };
    expect(await around(0, 1, '15:00')).toEqual([1, 1]);
    expect(await around(-1, 0, '15:00')).toEqual([0, 0]);
    expect(await around(1, 2, '15:00')).toEqual([0, 0]);
    expect(await around(0, 1, '13:00')).toEqual([1, 0]);
    expect(await around(-1, 0, '13:00')).toEqual([0, 0]);
  });

  it('SP-9 counts a reopened conversation once, by its latest end, and not in the earlier period', async () => {
    const { total } = await report({ from: at('12:00').toISOString(), until: at('13:00').toISOString() });
    expect(total).toEqual({
      ...NOTHING,
      started: 1,
      all: { ...NO_ENDS, caseCompletionRate: 0 },
      automatic: { ...NO_ENDS, caseCompletionRate: 0 },
      manual: { ...NO_ENDS, caseCompletionRate: 0 },
    });
    const bothPeriods = await report({ from: at('12:00').toISOString() });
    expect(bothPeriods.total).toMatchObject({ started: 9, all: { totalClosed: 5, samePeriodClosed: 5 } });
  });

  it.each(['NONE', 'CHANNEL', 'SKILL', 'AGENT'])(
    'SP-9 is empty by %s for a period without conversations',
    async (by) => {
      const period = { from: at('10:00').toISOString(), until: at('11:00').toISOString() };
      expect(await report({ ...period, by })).toEqual({
        ...period,
        total: NOTHING,
        groups: [],
        hasMoreGroups: false,
      });
    },
  );

  it('SP-9 shows an account only its own conversations', async () => {
    const [row] = await api.engine.db.sql`select account_id from account where name = 'theirs'`;
    const key = await api.makeKey(['conversations:read'], row?.account_id);
    const variables = { ...PERIOD, until: at('15:01').toISOString() };
    const theirs = (await api.ask(REPORT, variables, key)).data.report.total;
    expect(theirs).toMatchObject({ started: 1, all: { totalClosed: 1, averageHandleTime: 'PT1H' } });
    const asked = await api.ask(REPORT, { ...variables, channelId: otherChannel }, key);
    expect(asked.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field: 'channelId' } }]);
  });
});

describe('a report', () => {
  const from = at('13:00');
  const later = (ms: number) => new Date(from.getTime() + ms).toISOString();
  it.each([
    ['an empty period', { until: later(0) }, 'until'],
    ['a period that ends before it starts', { until: later(-1) }, 'until'],
    ['a period of over 366 days', { until: later(366 * DAY + 1) }, 'until'],
    ['the year 0', { from: '0000-03-01T00:00:00Z', until: '0000-04-01T00:00:00Z' }, 'from'],
    [
      'a year of five digits',
      { from: '9999-12-01T00:00:00Z', until: '9999-12-31T23:59:59.999-00:01' },
      'until',
    ],
  ])('SP-9 with %s is refused, and the error names the field', async (_what, period, field) => {
    const { errors } = await api.ask(REPORT, { ...PERIOD, ...period });
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', field } }]);
  });

  it('SP-9 can be 366 days long, and in any year from 1 to 9999', async () => {
    expect((await report({ until: later(366 * DAY) })).total.started).toBe(9);
    const first = { from: '0001-01-01T00:00:00.000Z', until: '0001-01-02T00:00:00.000Z' };
    const last = { from: '9999-12-31T00:00:00.000Z', until: '9999-12-31T23:59:59.999Z' };
    for (const period of [first, last]) expect((await report(period)).total).toEqual(NOTHING);
  });

  it.each([
    ['channelId', 'Channel'],
    ['skillId', 'Skill'],
  ] as const)('SP-9 with an unknown %s is refused, and the error names the field', async (field, type) => {
    const unknown = { [field]: api.id(type, api.engine.deps.newId()) };
    const { errors } = await api.ask(REPORT, { ...PERIOD, ...unknown });
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field } }]);
  });
});

it('SP-9 a report has the 200 largest groups and hasMoreGroups, and its total counts all groups', async () => {
  const { engine } = api;
  const names = Array.from({ length: 203 }, (_, index) => `skill ${index}`);
  const skills = await ensureSkills(engine.deps, engine.accountId, names);
  const from = new Date(at('15:00').getTime() + 10 * MINUTE);
  const writing = (name: string, index: number) => ({
    target: { channelId: engine.channelId, address: `one of many ${name} ${index}` },
    action: { kind: 'INBOUND' as const, skillId: skills.get(name) as string },
  });
  engine.clock.advance(from.getTime() - engine.clock.now().getTime());
  await engine.apply(...names.map(writing), writing('skill 202', 203));
  const period = { from: from.toISOString(), until: new Date(from.getTime() + 1).toISOString() };
  const { total, groups, hasMoreGroups } = await report({ ...period, by: 'SKILL' });
  expect([total.started, groups.length, hasMoreGroups]).toEqual([204, 200, true]);
  expect(groups[0]).toMatchObject({ skill: { name: 'skill 202' }, started: 2 });
  expect(groups.slice(1).map(({ started }: { started: number }) => started)).toEqual(Array(199).fill(1));
});

it('SP-9 a handle time is never negative, even if the clocks of two processes differ', async () => {
  const { engine } = api;
  const from = at('16:00');
  engine.clock.advance(from.getTime() - engine.clock.now().getTime() + 3);
  await engine.writes('of two processes');
  engine.clock.advance(-3);
  await engine.does('of two processes', { kind: 'END', by: 'CUSTOMER' });
  const { total } = await report({ from: from.toISOString(), until: at('16:01').toISOString() });
  expect(total).toMatchObject({ started: 1, manual: { totalClosed: 1, averageHandleTime: 'PT0S' } });
});
