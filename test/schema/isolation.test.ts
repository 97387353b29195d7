import { buildSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { encodeId, NODE_TYPES, type NodeType } from '../../src/schema/core/ids.ts';
import { schema } from '../../src/schema/schema.ts';
import { type Answer, type Api, openApi } from '../http/open-api.ts';
import { ensureChannel } from '../support/flows.ts';
import { type IdPlace, idPlaces } from '../support/id-places.ts';

/** Part of every name in the other account; no response may contain it. */
const THEIRS = 'theirs-alone';
const NOBODYS = '018f0000-0000-7000-8000-000000000000';
const MALFORMED = [
  '',
  'x',
  '\0',
  "' or '1'='1",
  NOBODYS,
  ...['Nothing:', 'Conversation:', 'Conversation:1', `Conversation:${NOBODYS}:1`].map((text) =>
    Buffer.from(text).toString('base64'),
  ),
];

/** The other required inputs of a place, so that its id is looked up. Ids among them are the caller's own. */
const BESIDES: Record<string, Record<string, unknown>> = {
  'Mutation.createChannel(input.calendarId)': {
    adapterId: 'web',
    settings: { secret: 'known to this test alone' },
  },
  'Mutation.createWebhookEndpoint(input.channelId)': {
    url: 'https://hooks.example.com',
    events: ['conversation.ended'],
  },
  'Mutation.recordOutage(channelId)': { since: '2026-03-02T00:00:00Z' },
  'Mutation.recordActivities(input.activities.conversationId)': { kind: 'COMMENT' },
  'Mutation.recordActivities(input.activities.channelId)': { kind: 'INBOUND', address: '2' },
  'Mutation.recordActivities(input.activities.agentId)': { kind: 'ASSIGN', conversationId: 'Conversation' },
  'Mutation.recordActivities(input.activities.skillId)': { kind: 'SKILL', conversationId: 'Conversation' },
};

type World = { accountId: string; key: string; ids: Record<NodeType, string> };

let api: Api;
let theirs: World;
let ours: World;
beforeAll(async () => {
  api = await openApi();
  theirs = await makeWorld(THEIRS);
  ours = await makeWorld('ours');
});
afterAll(() => api.close());

/** Creates an account with one object of every type that has an id. */
async function makeWorld(name: string): Promise<World> {
  const { deps, db } = api.engine;
  const accountId = await createAccount(deps, { name });
  const channel = await ensureChannel(deps, accountId, { name, adapter: 'web', settings: {} });
  const agent = (await ensureAgents(deps, accountId, [name])).get(name) as string;
  const skill = (await ensureSkills(deps, accountId, [name])).get(name) as string;
  const calendar = deps.newId();
  const hours = { timeZone: 'UTC', weekly: [{ day: 1, from: '09:00', until: '17:00' }], holidays: [] };
  await db.sql`insert into calendar (account_id, id, name, hours) values (${accountId}, ${calendar}, ${name}, ${db.sql.json(hours)})`;
  const outage = deps.newId();
  await db.sql`insert into outage (account_id, id, kind, channel_id, since) values (${accountId}, ${outage}, 'OUTAGE', ${channel}, ${deps.clock.now()})`;
  const target = { channelId: channel, address: name };
  const [result] = await recordActivities(deps, accountId, [
    { target, action: { kind: 'INBOUND', skillId: skill } },
  ]);
  const effect = deps.newId();
  await db.sql`insert into outbox ${db.sql({ account_id: accountId, id: effect, kind: 'DELIVER_MESSAGE', conversation_id: result?.conversationId as string, revision: 1, endpoint_id: null, channel_id: channel, payload: {}, state: 'DEAD', attempts: 1, due_at: deps.clock.now(), created_at: deps.clock.now(), done_at: deps.clock.now(), error: 'refused' })}`;
  const endpoint = deps.newId();
  await db.sql`insert into webhook_endpoint ${db.sql({ account_id: accountId, id: endpoint, url: `https://${name}.example`, secret: name, events: ['conversation.ended'], created_at: deps.clock.now() })}`;
  const webhook = deps.newId();
  await db.sql`insert into outbox ${db.sql({ account_id: accountId, id: webhook, kind: 'SEND_WEBHOOK', conversation_id: result?.conversationId as string, revision: 1, endpoint_id: endpoint, channel_id: channel, payload: {}, state: 'SENT', attempts: 1, due_at: deps.clock.now(), created_at: deps.clock.now(), done_at: deps.clock.now(), error: null })}`;
  const delivery = deps.newId();
  await db.sql`insert into webhook_delivery ${db.sql({ account_id: accountId, endpoint_id: endpoint, id: delivery, outbox_id: webhook, type: name, at: deps.clock.now(), took_ms: 1 })}`;
  const [contact] = await db.sql`select id from contact where account_id = ${accountId}`;
  const key = await api.makeKey(SCOPES, accountId);
  const [spare] = await db.sql`
    insert into api_key (account_id, id, name, hash, scopes, created_at)
    values (${accountId}, ${deps.newId()}, ${name}, '00', '{}', ${deps.clock.now()}) returning id`;
  const raw: Record<NodeType, string> = {
    Account: accountId,
    Agent: agent,
    ApiKey: spare?.id,
    Calendar: calendar,
    Channel: channel,
    Contact: contact?.id,
    Conversation: result?.conversationId as string,
    Effect: effect,
    Outage: outage,
    Skill: skill,
    WebhookDelivery: delivery,
    WebhookEndpoint: endpoint,
  };
  const ids = Object.fromEntries(NODE_TYPES.map((type) => [type, encodeId(type, raw[type])]));
  return { accountId, key, ids: ids as World['ids'] };
}

/** Reads all rows of an account. */
async function everythingOf(accountId: string): Promise<unknown> {
  const { sql } = api.engine.db;
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'account_id' order by 1`;
  const rows = tables.map(
    ({ name }) => sql`select * from ${sql(name)} as row where account_id = ${accountId} order by row::text`,
  );
  return (await Promise.all(rows)).map((found, at) => [tables[at]?.name, [...found]]);
}

type Verdict = 'not found' | 'malformed' | 'taken' | `otherwise: ${string}`;

/** Sends an id in a place and returns how it was answered. */
async function verdictOn(place: IdPlace, id: string, world: World): Promise<Verdict> {
  const idFor = (type: string) => world.ids[type as NodeType] ?? `no id of a type ${type}`;
  const variables = withBesides(place, place.variables(id, idFor), world);
  const answer = await send(place, variables, world.key);
  const text = JSON.stringify(answer);
  if (world !== theirs && text.includes(THEIRS)) return `otherwise: it tells of theirs: ${text}`;
  const errors = errorsIn(answer);
  const codes = errors.filter(({ field }) => nameOf(field) === place.field).map(({ code }) => code);
  if (errors.some(({ code }) => code === undefined || code === 'INTERNAL')) return `otherwise: ${text}`;
  if (codes.includes('NOT_FOUND')) return 'not found';
  if (codes.includes('INVALID_INPUT')) return 'malformed';
  if (errors.length === 0 && Object.values(answer.data ?? {}).every((value) => value === null))
    return 'not found';
  return errors.length === 0 ? 'taken' : `otherwise: ${text}`;
}

/** Adds the other required inputs of a place to the variables. */
function withBesides(place: IdPlace, variables: Record<string, unknown>, { ids }: World) {
  const besides = Object.entries(BESIDES[place.name] ?? {}).map(([name, value]) => [
    name,
    ids[value as NodeType] ?? value,
  ]);
  const put = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(put);
    if (typeof value !== 'object' || value === null) return value;
    const put1 = Object.fromEntries(Object.entries(value).map(([name, within]) => [name, put(within)]));
    return place.field in value ? { ...put1, ...Object.fromEntries(besides) } : put1;
  };
  return put(variables) as Record<string, unknown>;
}

async function send(place: IdPlace, variables: Record<string, unknown>, key: string): Promise<Answer> {
  if (place.operation !== 'subscription') return await api.ask(place.text, variables, key);
  const leaving = new AbortController();
  const response = await fetch(`${api.server.url}/graphql`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', accept: 'text/event-stream' },
      authorization: `Bearer ${key}`,
    },
    body: JSON.stringify({ query: place.text, variables }),
    signal: leaving.signal,
  });
  const refused = response.text().then(
    (text) => JSON.parse(/^data: ?(\{.*)$/m.exec(text)?.[1] ?? text) as Answer,
    () => ({ data: { listens: true } }),
  );
  const listens = vi.waitFor(() => expect(api.subscribers()).toBeGreaterThan(0), {
    timeout: 60_000,
    interval: 5,
  });
  const answer = await Promise.race([refused, listens.then(() => ({ data: { listens: true } }))]);
  leaving.abort();
  await vi.waitFor(() => expect(api.subscribers()).toBe(0), { timeout: 60_000, interval: 5 });
  listens.catch(() => {});
  return answer;
}

type Told = { code?: unknown; field?: unknown };

/** The errors of a response, including those in its data. */
function errorsIn({ data, errors = [] }: Answer): Told[] {
  const within = (value: unknown): Told[] => {
    if (typeof value !== 'object' || value === null) return [];
    return ['code' in value ? [value] : [], ...Object.values(value).map(within)].flat();
  };
  return [...errors.map(({ extensions }) => extensions ?? {}), ...within(data)];
}

/** `filter.skillId`, `activities[3].skillId` → `skillId` */
function nameOf(field: unknown): string {
  return (
    String(field)
      .split('.')
      .at(-1)
      ?.replace(/\[\d+\]$/, '') ?? ''
  );
}

const places = idPlaces(schema);

describe('an id of another account is answered like an unknown one:', () => {
  it('the schema has arguments and input fields that take ids', () => {
    const names = places.map(({ name }) => name);
    expect(names).toContain('Query.node(id)');
    expect(names).toContain('Account.policy(skillId)');
    expect(names).toContain('Mutation.setPolicy(input.overflowSkillId)');
    expect(names).toContain('Mutation.recordActivities(input.activities.conversationId)');
    expect(names).toContain('Subscription.conversationChanged(conversationId)');
    expect(Object.keys(BESIDES).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('a new argument or input field with an id is found, and an unreachable one is reported', () => {
    const types =
      'type Thing { old(from: [Since!]!): Int } input Since { deep: Deeper } input Deeper { ids: [ID!] }';
    const found = idPlaces(buildSchema(`type Query { thing: Thing, new(id: ID): Int } ${types}`));
    expect(found.map(({ name }) => name)).toEqual(['Query.new(id)', 'Thing.old(from.deep.ids)']);
    expect(found[1]?.variables('1', () => '')).toEqual({ from: [{ deep: { ids: ['1'] } }] });
    expect(() => idPlaces(buildSchema(`type Query { thing(a: Int!): Thing } ${types}`))).toThrow(
      'no way to Thing.old',
    );
  });

  it.each(places)('$name', async (place) => {
    const before = await everythingOf(theirs.accountId);
    const types: NodeType[] = [];
    for (const type of NODE_TYPES) {
      const verdict = await verdictOn(place, theirs.ids[type], ours);
      expect(verdict, `their ${type}`).toMatch(/^(not found|malformed)$/);
      if (verdict === 'not found') types.push(type);
    }
    for (const type of types)
      expect(await verdictOn(place, encodeId(type, NOBODYS), ours), `nobody's ${type}`).toBe('not found');
    for (const id of MALFORMED) expect(await verdictOn(place, id, ours), id).toBe('malformed');
    expect(await everythingOf(theirs.accountId)).toEqual(before);

    // The id was looked up, not ignored: the caller's own of the same type is found.
    expect(types.length).toBeGreaterThan(0);
    const fresh = await makeWorld('fresh');
    const own = await Promise.all(types.map((type) => verdictOn(place, fresh.ids[type], fresh)));
    expect(own.filter((verdict) => /not found|malformed/.test(verdict))).toEqual([]);
  });
});
