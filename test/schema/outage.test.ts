import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { recordDowntime } from '../../src/rules/downtime.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
let app: string;
beforeAll(async () => {
  api = await openApi(at('06:00'));
  const { deps, accountId } = api.engine;
  app = await ensureChannel(deps, accountId, { name: 'app', adapter: 'in-app', settings: {} });
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterEach(async () => {
  const { deps, db, accountId } = api.engine;
  await db.sql`delete from outage where account_id = ${accountId}`;
  await db.sql`update account set rules_version = rules_version + 1, scheduled_version = rules_version + 1`;
  await deps.rules.newest(accountId);
});
afterAll(() => api.close());

const OUTAGE = '{ id kind channel { name } since until }';
const ERRORS = `... on Error { code message ... on NotFoundError { field } ... on InvalidInputError { field allowed }
  ... on ConflictError { field } ... on ForbiddenError { scope } }`;
async function send(name: string, declared: string, type: string, fields: string, args: object, as?: string) {
  const given = [...declared.matchAll(/\$(\w+)/g)].map(([, arg]) => `${arg}: $${arg}`).join(', ');
  const query = `mutation (${declared}) { ${name}(${given}) { __typename ... on ${type} ${fields} ${ERRORS} } }`;
  const answer = await api.ask(query, { ...args }, as);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name];
}
const record = (args: object, as?: string) =>
  send(
    'recordOutage',
    '$channelId: ID, $since: DateTime!, $until: DateTime, $why: String, $idempotencyKey: String',
    'Outage',
    OUTAGE,
    args,
    as,
  );
const end = (args: object, as?: string) =>
  send(
    'endOutage',
    '$outageId: ID!, $until: DateTime, $why: String, $idempotencyKey: String',
    'Outage',
    OUTAGE,
    args,
    as,
  );
const choose = (args: object, as?: string) =>
  send(
    'setAccountCalendar',
    '$calendarId: ID, $why: String, $idempotencyKey: String',
    'Account',
    '{ calendar { name } rulesVersion }',
    args,
    as,
  );

const inMs = (ms: number) => new Date(api.engine.clock.now().getTime() + ms).toISOString();
const list = async (args = '') =>
  (await api.ask(`{ outages${args} { nodes ${OUTAGE} } }`)).data.outages.nodes;
const version = async () => (await api.ask('{ account { rulesVersion } }')).data.account.rulesVersion;
const newest = async () =>
  (await api.engine.db.sql`select * from rules_version order by version desc limit 1`)[0];
async function quiet(address: string): Promise<void> {
  await api.engine.writes(address);
  await api.engine.answers(address);
}
async function due(address: string): Promise<string | null> {
  const id = api.id('Conversation', (await api.engine.latest(address)).id);
  const { data } = await api.ask('query ($id: ID!) { conversation(id: $id) { due { at } } }', { id });
  return data.conversation.due?.at ?? null;
}
/** Makes a call that is refused, and checks that it left the rules unchanged. */
async function refused(call: () => Promise<unknown>): Promise<unknown> {
  const before = [await version(), await list()];
  const answer = await call();
  expect([await version(), await list()]).toEqual(before);
  return answer;
}

describe('recordOutage and endOutage', () => {
  it('LL-7 exclude the time of the outage: nothing is due until it ends, and then due times are later by its length', async () => {
    await quiet('held up');
    const [since, closes] = [inMs(0), inMs(2 * HOUR + 5 * HOUR)];
    const outage = await record({ since, why: 'the carrier is down' });
    expect(outage).toEqual({
      ...{ __typename: 'Outage', id: outage.id, kind: 'OUTAGE', channel: null, since, until: null },
    });
    expect(await due('held up')).toBeNull();
    expect(await newest()).toMatchObject({
      ...{ kind: 'OUTAGE', before: null, after: { kind: 'OUTAGE', since, until: null } },
      ...{ why: 'the carrier is down', changed_by: expect.stringMatching(/^key:/) },
    });
    await api.engine.runUntil(new Date(inMs(5 * HOUR)));
    const ended = { ...outage, until: inMs(0) };
    expect(await end({ outageId: outage.id, why: 'it is back' })).toEqual(ended);
    expect(await newest()).toMatchObject({ before: { until: null }, after: { until: inMs(0) } });
    expect(await due('held up')).toBe(closes);
    await api.engine.runUntil(new Date(closes));
    expect(await api.engine.latest('held up')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    const { data } = await api.ask('query ($id: ID!) { node(id: $id) { ... on Outage { until } } }', {
      id: outage.id,
    });
    expect(data.node).toEqual({ until: ended.until });
  });

  it('LL-7 an outage of a channel can get another end while its end is in the future', async () => {
    const outage = await record({
      ...{ channelId: api.id('Channel', app), since: inMs(-HOUR), until: inMs(HOUR) },
    });
    expect(outage).toMatchObject({ channel: { name: 'app' }, until: inMs(HOUR) });
    const until = inMs(2 * HOUR);
    expect(await end({ outageId: outage.id, until })).toEqual({ ...outage, until });
    expect(await end({ outageId: outage.id })).toEqual({ ...outage, until: inMs(0) });
  });

  it('a start up to a minute in the future is recorded as now', async () => {
    expect(await record({ since: inMs(MINUTE) })).toMatchObject({ since: inMs(0) });
  });

  it('a call repeated under its idempotency key records nothing and returns the first result', async () => {
    const args = { since: inMs(-HOUR), idempotencyKey: 'outage-1' };
    const first = await record(args);
    const seen = await version();
    expect(await record(args)).toEqual(first);
    expect(await list()).toHaveLength(1);
    const ending = { outageId: first.id, idempotencyKey: 'outage-1-end' };
    const ended = await end(ending);
    expect(await end(ending)).toEqual(ended);
    expect(await version()).toBe(seen + 1);
    expect(await end({ ...ending, until: inMs(0) })).toMatchObject({ code: 'CONFLICT' });
  });
});

describe('outages', () => {
  it('LL-7 are listed in pages, the one recorded last first, and pauses are not among them', async () => {
    const one = await record({ since: inMs(-HOUR), until: inMs(0) });
    const two = await record({ since: inMs(-DAY), until: inMs(-HOUR) });
    await api.ask('mutation { pauseAutomaticEnds { __typename } }');
    await api.ask('mutation { resumeAutomaticEnds { __typename } }');
    expect((await list()).map(({ id }: { id: string }) => id)).toEqual([two.id, one.id]);
    const page = async (args: string) =>
      (await api.ask(`{ outages(${args}) { nodes { id } pageInfo { hasNextPage endCursor } } }`)).data
        .outages;
    const first = await page('first: 1');
    expect(first).toMatchObject({ nodes: [{ id: two.id }], pageInfo: { hasNextPage: true } });
    const rest = await page(`first: 1, after: "${first.pageInfo.endCursor}"`);
    expect(rest).toMatchObject({ nodes: [{ id: one.id }], pageInfo: { hasNextPage: false } });
  });

  it('LL-7 include the downtime of the service itself', async () => {
    const { db, clock, deps } = api.engine;
    await writeHeartbeat(db.sql, clock.now());
    const since = inMs(0);
    clock.advance(HOUR);
    await recordDowntime(deps);
    expect(await list()).toMatchObject([{ kind: 'DOWNTIME', channel: null, since, until: inMs(2 * MINUTE) }]);
    const { data } = await api.ask('{ rulesVersions(first: 1) { nodes { kind changedBy why } } }');
    expect(data.rulesVersions.nodes).toEqual([
      { kind: 'OUTAGE', changedBy: 'service', why: 'the service was down' },
    ]);
  });
});

describe('setAccountCalendar', () => {
  const make = async (name: string) => {
    const hours = '{ timeZone: "UTC", weekly: [{ day: 1, from: "09:00", until: "17:00" }] }';
    const query = `mutation { createCalendar(name: "${name}", hours: ${hours}) { ... on Calendar { id } } }`;
    return (await api.ask(query)).data.createCalendar.id as string;
  };

  it('PE-8 sets and removes the calendar of channels that have none of their own', async () => {
    const calendarId = await make('office');
    const seen = await version();
    expect(await choose({ calendarId, why: 'winter' })).toEqual({
      ...{ __typename: 'Account', calendar: { name: 'office' }, rulesVersion: seen + 1 },
    });
    expect(await newest()).toMatchObject({ kind: 'CALENDAR', why: 'winter', before: { calendarId: null } });
    const { data } = await api.ask('{ account { calendar { id } } channels { nodes { calendar { id } } } }');
    expect(data).toEqual({
      account: { calendar: { id: calendarId } },
      channels: { nodes: [{ calendar: null }, { calendar: null }] },
    });
    expect(await choose({ calendarId })).toMatchObject({ rulesVersion: seen + 1 });
    expect(await choose({ calendarId: null })).toMatchObject({ calendar: null, rulesVersion: seen + 2 });
  });
});

describe('a refused call changes nothing:', () => {
  it('LL-7 invalid instants, ids and texts are refused with the field and the values allowed', async () => {
    const outage = await record({ since: inMs(-HOUR) });
    const over = await record({ since: inMs(-HOUR), until: inMs(0) });
    const bad: [string, RegExp, () => Promise<unknown>][] = [
      ['since', /one minute in the future/, () => record({ since: inMs(MINUTE + 1) })],
      ['since', /since 1970/, () => record({ since: '1969-12-31T23:59:59Z' })],
      ['until', /at or after since \(/, () => record({ since: inMs(-HOUR), until: inMs(-HOUR - 1) })],
      [
        'until',
        /at or after the outage's start \(/,
        () => end({ outageId: outage.id, until: inMs(-HOUR - 1) }),
      ],
      ['outageId', new RegExp(`ongoing.*ended at ${inMs(0)}`), () => end({ outageId: over.id })],
      ['outageId', /type Outage/, () => end({ outageId: api.channel })],
      ['channelId', /type Channel/, () => record({ since: inMs(0), channelId: api.sales })],
      ['why', /1 to 1000/, () => record({ since: inMs(0), why: 'x'.repeat(1001) })],
      ['why', /1 to 1000/, () => end({ outageId: outage.id, why: '\0' })],
      ['calendarId', /or null/, () => choose({ why: 'nothing said' })],
      ['calendarId', /type Calendar/, () => choose({ calendarId: api.sales })],
    ];
    for (const [field, allowed, call] of bad)
      expect(await refused(call), `${field} ${allowed}`).toMatchObject({
        ...{ __typename: 'InvalidInputError', field, allowed: expect.stringMatching(allowed) },
      });
  });

  it('an unknown id, an id of another account and the id of a pause are NOT_FOUND', async () => {
    const { deps, db, accountId } = api.engine;
    const theirs = await createAccount(deps, { name: 'other' });
    const other = await api.makeKey(['policies:write', 'conversations:read'], theirs);
    const outage = await record({ since: inMs(-HOUR) });
    await api.ask('mutation { pauseAutomaticEnds { __typename } }');
    const [pause] = await db.sql`select id from outage where account_id = ${accountId} and kind = 'PAUSE'`;
    const nobodys = deps.newId();
    const none: [string, () => Promise<unknown>][] = [
      ['channelId', () => record({ since: inMs(0), channelId: api.id('Channel', nobodys) })],
      ['channelId', () => record({ since: inMs(0), channelId: api.channel }, other)],
      ['outageId', () => end({ outageId: api.id('Outage', nobodys) })],
      ['outageId', () => end({ outageId: outage.id }, other)],
      ['outageId', () => end({ outageId: api.id('Outage', pause?.id) })],
      ['calendarId', () => choose({ calendarId: api.id('Calendar', nobodys) })],
    ];
    for (const [field, call] of none)
      expect(await refused(call), field).toMatchObject({ __typename: 'NotFoundError', field });
  });

  it('a key without policies:write is refused', async () => {
    const outage = await record({ since: inMs(-HOUR) });
    const reader = await api.makeKey(['conversations:read', 'conversations:act']);
    for (const call of [
      () => record({ since: inMs(0) }, reader),
      () => end({ outageId: outage.id }, reader),
      () => choose({ calendarId: null }, reader),
    ])
      expect(await refused(call)).toMatchObject({
        ...{ __typename: 'ForbiddenError', scope: 'policies:write' },
      });
  });
});
