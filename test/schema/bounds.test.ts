import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDS, type Counted } from '../../src/domain/bounds.ts';
import { receive } from '../../src/ingest/receive-webhook.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const ERROR = '... on Error { code message } ... on InvalidInputError { field allowed }';

/** Runs a mutation with literal arguments and one variable `$v`, and returns its result. */
async function ask(mutation: string, value: unknown, type = 'String!') {
  const name = /^\w+/.exec(mutation)?.[0] as string;
  const { data, errors } = await api.ask(`mutation ($v: ${type}) { ${mutation} { __typename ${ERROR} } }`, {
    v: value,
  });
  expect(errors).toBeUndefined();
  return data[name] as { __typename: string; code?: string; field?: string; message?: string };
}
/** Records one activity of a new contact and returns its result. */
async function record(fields: Record<string, unknown>) {
  const activity = { channelId: api.id('Channel', api.engine.channelId), address: 'ada', ...fields };
  const { data } = await api.ask(
    `mutation ($a: ActivityInput!) { recordActivities(input: { activities: [$a] }) {
      ... on RecordedActivities { results { outcome error { __typename ${ERROR} } } } } }`,
    { a: activity },
  );
  return data.recordActivities.results[0] as { outcome: string; error: Record<string, string> | null };
}
const long = (max: number) => 'x'.repeat(max + 1);

describe('an input above its bound is refused, and the error has the field and the maximum:', () => {
  it.each<[field: string, max: number, fields: (text: string) => Record<string, unknown>]>([
    ['address', BOUNDS.address.max, (address) => ({ kind: 'INBOUND', address })],
    ['messageId', BOUNDS.messageId.max, (messageId) => ({ kind: 'INBOUND', messageId })],
    ['of', BOUNDS.messageId.max, (of) => ({ kind: 'RECEIPT', state: 'READ', of })],
    ['add[0]', BOUNDS.tag.max, (tag) => ({ kind: 'TAG', add: [tag] })],
    ['remove[0]', BOUNDS.tag.max, (tag) => ({ kind: 'TAG', remove: [tag] })],
    ['caseStatus', BOUNDS.caseStatus.max, (caseStatus) => ({ kind: 'CASE_STATUS', caseStatus })],
    ['clientVersion', BOUNDS.clientVersion.max, (clientVersion) => ({ kind: 'INBOUND', clientVersion })],
    ['locale', BOUNDS.locale.max, (text) => ({ kind: 'INBOUND', locale: `en-x-${text.slice(0, 31)}` })],
  ])('%s of an activity is too long', async (field, max, fields) => {
    const { outcome, error } = await record(fields(long(max)));
    expect([outcome, error]).toMatchObject([
      'REFUSED',
      { code: 'INVALID_INPUT', field: `activities[0].${field}` },
    ]);
    expect(error?.message).toContain(String(max));
  });

  it.each<[field: string, max: number, mutation: string]>([
    ['name', BOUNDS.name.max, 'createSkill(name: $v)'],
    ['name', BOUNDS.name.max, 'createAgent(input: { name: $v })'],
    ['subject', BOUNDS.subject.max, 'createAgent(input: { name: "x", subject: $v })'],
    ['name', BOUNDS.name.max, 'createApiKey(input: { name: $v, scopes: ["conversations:read"] })'],
    ['name', BOUNDS.name.max, 'createChannel(input: { name: $v, adapterId: "web", settings: {} })'],
    ['why', BOUNDS.why.max, 'setProfile(profile: LULL, why: $v)'],
    ['why', BOUNDS.why.max, 'setPolicy(input: { autoClose: true, why: $v })'],
    ['why', BOUNDS.why.max, 'pauseAutomaticEnds(why: $v)'],
    ['idempotencyKey', BOUNDS.idempotencyKey.max, 'createSkill(name: "x", idempotencyKey: $v)'],
    ['tags[0]', BOUNDS.tag.max, 'setExemptTags(tags: [$v])'],
    ['caseStatuses[0]', BOUNDS.caseStatus.max, 'setCaseStatuses(caseStatuses: [$v])'],
    ['tagOnClose', BOUNDS.tag.max, 'setPolicy(input: { tagOnClose: $v })'],
    ['optOutWords[0]', BOUNDS.optOutWord.max, 'setPolicy(input: { optOutWords: [$v] })'],
    ['closeMessages[0].text', BOUNDS.closeMessage.max, 'setPolicy(input: { closeMessages: [{ text: $v }] })'],
    ['url', BOUNDS.url.max, 'createWebhookEndpoint(input: { url: $v, events: ["conversation.ended"] })'],
  ])('%s is longer than %i characters in %s', async (field, max, mutation) => {
    const answer = await ask(mutation, long(max));
    expect(answer).toMatchObject({ code: 'INVALID_INPUT', field });
    expect(answer.message).toContain(String(max));
  });

  it.each<[field: string, max: number, mutation: string, item: unknown, type: string]>([
    ['tags', BOUNDS.exemptTags.max, 'setExemptTags(tags: $v)', 'x', '[String!]!'],
    ['caseStatuses', BOUNDS.caseStatuses.max, 'setCaseStatuses(caseStatuses: $v)', 'x', '[String!]!'],
    ['optOutWords', BOUNDS.optOutWords.max, 'setPolicy(input: { optOutWords: $v })', 'x', '[String!]'],
    ['remindBefore', BOUNDS.reminders.max, 'setPolicy(input: { remindBefore: $v })', 'PT1H', '[Duration!]'],
    [
      ...(['scopes', BOUNDS.scopes.max, 'createApiKey(input: { name: "x", scopes: $v })'] as const),
      ...(['conversations:read', '[String!]!'] as const),
    ],
    [
      ...(['events', BOUNDS.endpointEvents.max] as const),
      'createWebhookEndpoint(input: { url: "https://hooks.example.com/", events: $v })',
      ...(['conversation.ended', '[String!]!'] as const),
    ],
    [
      ...(['closeMessages', BOUNDS.closeMessages.max, 'setPolicy(input: { closeMessages: $v })'] as const),
      ...([{ text: 'Bye' }, '[CloseMessageInput!]'] as const),
    ],
  ])('%s has more than %i items', async (field, max, mutation, item, type) => {
    const answer = await ask(mutation, Array(max + 1).fill(item), type);
    expect(answer).toMatchObject({ code: 'INVALID_INPUT', field });
    expect(answer.message).toContain(String(max));
  });

  it('the settings of a channel are too long in total', async () => {
    const max = BOUNDS.settings.max;
    const mutation = 'createChannel(input: { name: "large", adapterId: "web", settings: $v })';
    const answer = await ask(mutation, { secret: long(max) }, 'JSONObject!');
    expect(answer).toMatchObject({ code: 'INVALID_INPUT', field: 'settings' });
    expect(answer.message).toContain(String(max));
  });
});

/** For each limit of an account: SQL that fills it, the mutation that adds one more, and SQL that removes one. */
const COUNTED: Readonly<Record<Counted, { fill: string; make: string; type?: string; remove: string }>> = {
  skills: {
    fill: `insert into skill (account_id, id, name) select $1, gen_random_uuid(), 'filled ' || n from generate_series(1, $2::int) n`,
    make: 'createSkill(name: $v)',
    remove: `delete from skill where account_id = $1 and name like 'filled %'`,
  },
  agents: {
    fill: `insert into agent (account_id, id, name, kind, online) select $1, gen_random_uuid(), 'filled ' || n, 'BOT', true from generate_series(1, $2::int) n`,
    make: 'createAgent(input: { name: $v })',
    remove: `delete from agent where account_id = $1 and name like 'filled %'`,
  },
  channels: {
    fill: `insert into channel (account_id, id, name, adapter, settings) select $1, gen_random_uuid(), 'filled ' || n, 'web', '{}' from generate_series(1, $2::int) n`,
    make: 'createChannel(input: { name: $v, adapterId: "web", settings: { secret: "0123456789abcdef" } })',
    remove: `delete from channel where account_id = $1 and name like 'filled %'`,
  },
  calendars: {
    fill: `insert into calendar (account_id, id, name, hours) select $1, gen_random_uuid(), 'filled ' || n, '{}' from generate_series(1, $2::int) n`,
    make: `createCalendar(name: $v, hours: { timeZone: "UTC", weekly: [{ day: 1, from: "09:00", until: "17:00" }] })`,
    remove: `delete from calendar where account_id = $1 and name like 'filled %'`,
  },
  apiKeys: {
    fill: `insert into api_key (account_id, id, name, hash, scopes, created_at) select $1, gen_random_uuid(), 'filled ' || n, 'x', '{}', now() from generate_series(1, $2::int) n`,
    make: 'createApiKey(input: { name: $v, scopes: ["conversations:read"] })',
    remove: `update api_key set revoked_at = now() where account_id = $1 and name like 'filled %'`,
  },
  policyLayers: {
    fill: `with made as (insert into skill (account_id, id, name) select $1::uuid, gen_random_uuid(), 'filled ' || n from generate_series(1, $2::int) n returning id)
      insert into policy_layer (account_id, id, skill_id, fields, version) select $1::uuid, gen_random_uuid(), id, '{}', 1 from made`,
    make: 'setPolicy(input: { channelId: $v, autoCloseAfter: "PT2H" })',
    type: 'ID!',
    remove: `delete from policy_layer where account_id = $1`,
  },
  outages: {
    fill: `insert into outage (account_id, id, kind, since, until) select $1, gen_random_uuid(), 'OUTAGE', '2026-03-01T00:00:00Z', '2026-03-01T00:00:01Z' from generate_series(1, $2::int) n`,
    make: 'recordOutage(since: $v)',
    type: 'DateTime!',
    remove: `update outage set since = '2025-01-01T00:00:00Z', until = '2025-01-01T00:00:01Z' where account_id = $1`,
  },
};

describe('an account at a limit', () => {
  it.each(Object.entries(COUNTED))('cannot add to its %s until it has fewer', async (counted, how) => {
    const { max } = BOUNDS[counted as Counted];
    const { sql } = api.engine.db;
    const value =
      { policyLayers: api.id('Channel', api.engine.channelId), outages: '2026-03-02T11:00:00Z' }[counted] ??
      `one more of ${counted}`;
    await sql.unsafe(how.fill, [api.engine.accountId, max]);
    const refused = await ask(how.make, value, how.type);
    expect(refused).toMatchObject({ code: 'INVALID_INPUT', field: counted });
    expect(refused.message).toContain(`at most ${max}`);
    await sql.unsafe(how.remove, [api.engine.accountId]);
    expect((await ask(how.make, value, how.type)).code).toBeUndefined();
  });
});

describe('a conversation with the maximum number of tags', () => {
  const tags = (from: number) => Array.from({ length: 50 }, (_, index) => `tag ${from + index}`);

  it('refuses another tag, shows all its tags, and accepts another after some are removed', async () => {
    await record({ kind: 'INBOUND', address: 'tagged' });
    for (const from of [0, 50])
      expect(await record({ kind: 'TAG', address: 'tagged', add: tags(from) })).toMatchObject({
        outcome: 'APPLIED',
      });
    const { outcome, error } = await record({ kind: 'TAG', address: 'tagged', add: ['one more'] });
    expect([outcome, error]).toMatchObject([
      'REFUSED',
      { code: 'INVALID_INPUT', field: 'activities[0].add' },
    ]);
    expect(error?.message).toContain('at most 100 tags');
    const { id } = await api.engine.latest('tagged');
    await api.engine.db.sql`update conversation set tags = tags || '{from before}' where id = ${id}`;
    const shown = await api.ask('query ($id: ID!) { node(id: $id) { ... on Conversation { tags } } }', {
      id: api.id('Conversation', id),
    });
    expect(shown.data.node.tags).toHaveLength(101);
    const fewer = { kind: 'TAG', address: 'tagged', remove: ['tag 1', 'tag 2'] };
    expect(await record(fewer)).toMatchObject({ outcome: 'APPLIED' });
    expect(await record({ kind: 'TAG', address: 'tagged', add: ['one more'] })).toMatchObject({
      outcome: 'APPLIED',
    });
  });
});

describe('an event of a provider', () => {
  const event = (id: string, more: object) => ({
    ...{
      kind: 'MESSAGE' as const,
      providerMessageId: id,
      address: `of ${id}`,
      sentAt: api.engine.clock.now(),
    },
    ...more,
  });

  it('is set aside if its id or address is too long, and the other events of the call are recorded', async () => {
    const received = await receive(api.engine.deps, api.engine.accountId, api.engine.channelId, {
      events: [
        event('p1', {}),
        event('p2', { address: long(256) }),
        event(long(256), { address: 'short' }),
        event('p3', {}),
      ],
      ...{ ignored: 0, malformed: [] },
    });
    expect(received).toMatchObject({
      applied: 2,
      faults: [{ field: 'address' }, { field: 'providerMessageId' }],
    });
  });

  it('is recorded without clientVersion and locale if they are too long', async () => {
    const received = await receive(api.engine.deps, api.engine.accountId, api.engine.channelId, {
      events: [event('p4', { clientVersion: long(100), locale: `en-x-${long(40)}`, text: 'Hello' })],
      ...{ ignored: 0, malformed: [] },
    });
    expect(received).toMatchObject({ applied: 1, faults: [] });
    const [row] = await api.engine.db.sql`select client_version, locale from contact where address = 'of p4'`;
    expect(row).toEqual({ client_version: null, locale: null });
  });
});
