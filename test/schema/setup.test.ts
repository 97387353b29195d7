import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, HOUR } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
beforeAll(async () => {
  // A Monday, before opening hours.
  api = await openApi(at('06:00'));
});
afterAll(() => api.close());

const ANSWER = `{ __typename
  ... on Channel { id name adapterId paused calendar { id name } }
  ... on Skill { id name }
  ... on Agent { id name kind online capacity subject }
  ... on Calendar { id name timeZone weekly { day from until } holidays }
  ... on Error { code message ... on InvalidInputError { field } ... on NotFoundError { field } ... on TakenError { field } ... on ForbiddenError { scope } } }`;
const FIELDS = ANSWER.split('\n');
/** Calls a mutation, and selects only the types that its result can have. */
async function call(name: string, type: string, args: string, as?: string) {
  const lines = FIELDS.filter(
    (line) => !/on (Channel|Skill|Agent|Calendar) /.test(line) || line.includes(`on ${type} `),
  );
  const answer = await api.ask(`mutation { ${name}(${args}) ${lines.join('\n')} }`, {}, as);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name];
}
const channel = (verb: string, input: string, as?: string) =>
  call(`${verb}Channel`, 'Channel', `input: { ${input} }`, as);
const agent = (verb: string, input: string, as?: string) =>
  call(`${verb}Agent`, 'Agent', `input: { ${input} }`, as);
const text = JSON.stringify;

const SECRET = 'sixteen characters or more';
const HOURS = '{ timeZone: "UTC", weekly: [{ day: 1, from: "09:00", until: "17:00" }] }';
const account = async () => (await api.ask('{ account { rulesVersion } }')).data.account;
const history = async () =>
  (await api.engine.db.sql`select * from rules_version order by version desc limit 1`)[0];
/** Makes a call that is refused, and checks that it left the account unchanged. */
async function unchanged<T>(call: () => Promise<T>): Promise<T> {
  const { sql } = api.engine.db;
  const tables = ['channel', 'skill', 'agent', 'calendar', 'rules_version', 'idempotency'];
  const state = () => Promise.all(tables.map((table) => sql`select * from ${sql(table)} order by 1, 2`));
  const before = await state();
  const answer = await call();
  expect(await state()).toEqual(before);
  return answer;
}

describe('channels', () => {
  it('are created with settings that their adapter reads, as one rules version without the secrets', async () => {
    const { rulesVersion } = await account();
    const made = await channel(
      'create',
      `name: "chat", adapterId: "web", settings: { secret: "${SECRET}" }, why: "new"`,
    );
    expect(made).toEqual({
      ...{
        __typename: 'Channel',
        id: made.id,
        name: 'chat',
        adapterId: 'web',
        paused: false,
        calendar: null,
      },
    });
    const row = await history();
    expect(row).toMatchObject({
      ...{ version: String(rulesVersion + 1), kind: 'CHANNEL', before: null, why: 'new' },
      after: { name: 'chat', adapterId: 'web', calendarId: null },
    });
    expect(JSON.stringify(row)).not.toContain(SECRET);
    const results = await api.record({ kind: 'INBOUND', channelId: made.id, address: 'at once' });
    expect(results).toMatchObject([{ outcome: 'APPLIED' }]);
  });

  it('are updated in part: an omitted setting is kept, and null removes a setting', async () => {
    const url = 'https://example.com/lull';
    const settings = `{ secret: "${SECRET}", deliverUrl: "${url}" }`;
    const { id } = await channel('create', `name: "partly", adapterId: "web", settings: ${settings}`);
    const stored = async () =>
      (await api.engine.db.sql`select name, settings from channel where name in ('partly', 'wholly')`)[0];
    expect(await channel('update', `channelId: ${text(id)}, name: "wholly"`)).toMatchObject({
      name: 'wholly',
    });
    const opened = async () => api.deps.settings.open('web', (await stored())?.settings);
    expect((await stored())?.settings.secret).toMatch(/^sealed:/);
    expect(await opened()).toMatchObject({ secret: SECRET, deliverUrl: url });
    const other = 'another one of sixteen';
    await channel('update', `channelId: ${text(id)}, settings: { secret: "${other}" }`);
    expect((await stored())?.settings.secret).toMatch(/^sealed:/);
    expect(await opened()).toMatchObject({ secret: other, deliverUrl: url });
    expect((await history())?.after).toMatchObject({ changedSettings: ['secret'] });
    expect(
      await unchanged(() => channel('update', `channelId: ${text(id)}, settings: { secret: null }`)),
    ).toMatchObject({ __typename: 'InvalidInputError', field: 'settings.secret' });
  });

  it('invalid settings are refused by name, and the error never has their values', async () => {
    for (const [settings, field] of [
      ['{}', 'settings.secret'],
      ['{ secret: "short" }', 'settings.secret'],
      [`{ secret: "${SECRET}", deliverUrl: "no url" }`, 'settings.deliverUrl'],
      [`{ secret: "${SECRET}", sceret: "x" }`, 'settings.sceret'],
      [`{ secret: "${SECRET}\\u0000" }`, 'settings'],
    ]) {
      const answer = await unchanged(() =>
        channel('create', `name: "bad", adapterId: "web", settings: ${settings}`),
      );
      expect(answer, settings).toMatchObject({ __typename: 'InvalidInputError', field });
      expect(JSON.stringify(answer)).not.toContain('short');
    }
    const none = await unchanged(() => channel('create', 'name: "bad", adapterId: "fax", settings: {}'));
    expect(none).toMatchObject({ __typename: 'NotFoundError', field: 'adapterId' });
  });

  it('are recorded in the rules history also if the service creates them itself', async () => {
    const { deps, accountId } = api.engine;
    const made = await ensureChannel(deps, accountId, { name: 'ensured', adapter: 'web', settings: {} });
    const row = await history();
    expect(row).toMatchObject({ kind: 'CHANNEL', channel_id: made, after: { name: 'ensured' } });
    const { rulesVersion } = await account();
    expect(String(rulesVersion)).toBe(row?.version);
    expect(await ensureChannel(deps, accountId, { name: 'ensured', adapter: 'web', settings: {} })).toBe(
      made,
    );
    expect(await account()).toEqual({ rulesVersion });
  });
});

describe('calendars', () => {
  it('PE-8 timers of a channel use its calendar, and a changed calendar at once', async () => {
    const { engine } = api;
    const made = await call('createCalendar', 'Calendar', `name: "office", hours: ${HOURS}`);
    expect(made).toMatchObject({
      ...{ name: 'office', timeZone: 'UTC', holidays: [] },
      weekly: [{ day: 1, from: '09:00', until: '17:00' }],
    });
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await channel(
      'update',
      `channelId: ${text(api.channel)}, settings: { secret: "${SECRET}" }, calendarId: ${text(made.id)}`,
    );
    await engine.writes('in the morning');
    await engine.answers('in the morning');
    const endsAt = async () =>
      (
        await api.ask(
          '{ conversations(filter: { agentId: AGENT }) { nodes { endsAt } } }'.replace(
            'AGENT',
            text(api.ann),
          ),
        )
      ).data.conversations.nodes[0].endsAt;
    expect(await endsAt()).toBe(at('11:00').toISOString());

    const { rulesVersion } = await account();
    const hours = HOURS.replace('09:00', '10:00');
    await call('updateCalendar', 'Calendar', `calendarId: ${text(made.id)}, hours: ${hours}, why: "winter"`);
    expect(await endsAt()).toBe(at('12:00').toISOString());
    expect(await history()).toMatchObject({
      ...{ version: String(rulesVersion + 1), kind: 'CALENDAR', why: 'winter' },
      before: { hours: { weekly: [{ from: '09:00' }] } },
      after: { hours: { weekly: [{ from: '10:00' }] } },
    });
    await engine.runUntil(at('11:59'));
    expect(await engine.latest('in the morning')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(at('12:00'));
    expect(await engine.latest('in the morning')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });

    const always = await channel('update', `channelId: ${text(api.channel)}, calendarId: null`);
    expect(always).toMatchObject({ __typename: 'Channel', calendar: null });
  });

  it('PE-8 impossible hours are refused, and the error names the field', async () => {
    const entry = (more: string) => `{ timeZone: "UTC", weekly: [${more}] }`;
    for (const [hours, field] of [
      ['{ timeZone: "Mars/Olympus", weekly: [{ day: 1, from: "09:00", until: "17:00" }] }', 'hours.timeZone'],
      [entry(''), 'hours.weekly'],
      [entry('{ day: 8, from: "09:00", until: "17:00" }'), 'hours.weekly[0].day'],
      [entry('{ day: 1, from: "9", until: "17:00" }'), 'hours.weekly[0].from'],
      [entry('{ day: 1, from: "09:00", until: "25:00" }'), 'hours.weekly[0].until'],
      [entry('{ day: 1, from: "17:00", until: "09:00" }'), 'hours.weekly[0].until'],
      [
        entry('{ day: 1, from: "09:00", until: "13:00" }, { day: 1, from: "12:00", until: "17:00" }'),
        'hours.weekly[1].from',
      ],
      [HOURS.replace('] }', '], holidays: ["2026-02-30"] }'), 'hours.holidays[0]'],
      [entry(Array(101).fill('{ day: 1, from: "09:00", until: "17:00" }').join(' ')), 'hours.weekly'],
    ])
      expect(
        await unchanged(() => call('createCalendar', 'Calendar', `name: "never", hours: ${hours}`)),
        field,
      ).toMatchObject({ __typename: 'InvalidInputError', field });
  });
});

describe('agents and skills', () => {
  it('SP-7 are created and updated without a new rules version', async () => {
    const before = await account();
    const bot = await agent('create', 'name: "robo", kind: BOT, capacity: 5, subject: "idp|7"');
    expect(bot).toMatchObject({
      ...{ __typename: 'Agent', name: 'robo', kind: 'BOT', online: true, capacity: 5, subject: 'idp|7' },
    });
    const id = `agentId: ${text(bot.id)}`;
    expect(await agent('update', `${id}, online: false`)).toEqual({ ...bot, online: false });
    expect(await agent('update', `${id}, capacity: null, subject: null, name: "robot"`)).toEqual({
      ...bot,
      ...{ online: false, capacity: null, subject: null, name: 'robot' },
    });
    const skill = await call('createSkill', 'Skill', 'name: "billing"');
    expect(await call('renameSkill', 'Skill', `skillId: ${text(skill.id)}, name: "invoices"`)).toEqual({
      ...skill,
      name: 'invoices',
    });
    expect(await account()).toEqual(before);
  });

  it('SP-7 a reopened conversation goes to its agent only if the agent is online', async () => {
    const { engine } = api;
    const talk = async (address: string) => {
      await engine.writes(address);
      await engine.answers(address, {});
      await engine.does(address, { kind: 'END', by: 'AGENT' });
      engine.clock.advance(HOUR);
      await engine.writes(address);
      return (await engine.latest(address)).status;
    };
    await agent('update', `agentId: ${text(api.ann)}, online: false`);
    expect(await talk('offline')).toBe('WAITING');
    await agent('update', `agentId: ${text(api.ann)}, online: true`);
    expect(await talk('online')).toBe('ACTIVE');
  });
});

describe('a refused call changes nothing:', () => {
  it('a name or subject in use is TAKEN', async () => {
    await call('createCalendar', 'Calendar', `name: "taken", hours: ${HOURS}`);
    const subject = await agent('create', 'name: "subject", subject: "idp|1"');
    const sales = `skillId: ${text(api.id('Skill', api.engine.care))}, name: "sales"`;
    const settings = `settings: { secret: "${SECRET}" }`;
    for (const [field, again] of [
      ['name', () => call('createSkill', 'Skill', 'name: "sales"')],
      ['name', () => call('renameSkill', 'Skill', sales)],
      ['name', () => agent('create', 'name: "ann"')],
      ['name', () => agent('update', `agentId: ${text(api.bob)}, name: "ann"`)],
      ['subject', () => agent('create', 'name: "new", subject: "idp|1"')],
      ['name', () => channel('create', `name: "web", adapterId: "web", ${settings}`)],
      ['name', () => call('createCalendar', 'Calendar', `name: "taken", hours: ${HOURS}`)],
    ] as const)
      expect(await unchanged(again)).toMatchObject({ __typename: 'TakenError', code: 'TAKEN', field });
    expect(subject.__typename).toBe('Agent');
  });

  it('malformed values are refused, and the error names the field', async () => {
    const bad: [field: string, () => Promise<unknown>][] = [
      ['name', () => call('createSkill', 'Skill', 'name: ""')],
      ['name', () => call('createSkill', 'Skill', `name: ${text('x'.repeat(101))}`)],
      ['name', () => agent('create', 'name: "\\u0000"')],
      ['capacity', () => agent('create', 'name: "new", capacity: -1')],
      ['capacity', () => agent('update', `agentId: ${text(api.ann)}, capacity: 10001`)],
      ['subject', () => agent('create', `name: "new", subject: ${text('x'.repeat(257))}`)],
      ['agentId', () => agent('update', `agentId: ${text(api.sales)}, online: true`)],
      ['channelId', () => channel('update', 'channelId: "nonsense"')],
      ['why', () => channel('update', `channelId: ${text(api.channel)}, why: ${text('x'.repeat(1001))}`)],
    ];
    for (const [field, call] of bad)
      expect(await unchanged(call)).toMatchObject({ __typename: 'InvalidInputError', field });
  });

  it('ids of another account are NOT_FOUND', async () => {
    const { deps } = api.engine;
    const other = await createAccount(deps, { name: 'other' });
    const key = await api.makeKey(['accounts:write', 'policies:write', 'conversations:read'], other);
    const calendar = await call('createCalendar', 'Calendar', `name: "mine", hours: ${HOURS}`);
    const settings = `settings: { secret: "${SECRET}" }`;
    const mine = `calendarId: ${text(calendar.id)}`;
    for (const [field, foreign] of [
      ['channelId', () => channel('update', `channelId: ${text(api.channel)}, name: "x"`, key)],
      ['skillId', () => call('renameSkill', 'Skill', `skillId: ${text(api.sales)}, name: "x"`, key)],
      ['agentId', () => agent('update', `agentId: ${text(api.ann)}, online: false`, key)],
      ['calendarId', () => call('updateCalendar', 'Calendar', `${mine}, hours: ${HOURS}`, key)],
      ['calendarId', () => channel('create', `name: "x", adapterId: "web", ${settings}, ${mine}`, key)],
    ] as const)
      expect(await unchanged(foreign)).toMatchObject({ __typename: 'NotFoundError', field });
  });

  it('a key without accounts:write is refused', async () => {
    const key = await api.makeKey(['conversations:read', 'conversations:act']);
    const scope = 'accounts:write';
    expect(await unchanged(() => call('createSkill', 'Skill', 'name: "x"', key))).toMatchObject({ scope });
    expect(await unchanged(() => agent('create', 'name: "x"', key))).toMatchObject({ scope });
    const made = () => channel('create', 'name: "x", adapterId: "web", settings: {}', key);
    expect(await unchanged(made)).toMatchObject({ scope });
  });
});
