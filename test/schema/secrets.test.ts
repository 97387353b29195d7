import { getNamedType, isLeafType, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { secretsOf, settingsSchemaOf } from '../../src/adapters/settings.ts';
import { schema } from '../../src/schema/schema.ts';
import { CHATWOOT_SAMPLES } from '../adapters/samples/chatwoot.ts';
import { INTERACTION_SAMPLES } from '../adapters/samples/interactions.ts';
import { CONVERSATIONS_SAMPLES, SMS_SAMPLES } from '../adapters/samples/twilio.ts';
import { WHATSAPP_SAMPLES } from '../adapters/samples/whatsapp.ts';
import { OWN_SAMPLES, STANDARD_SAMPLES, TIERED_SAMPLES } from '../adapters/samples.ts';
import { type Api, openApi } from '../http/open-api.ts';

const SAMPLES = {
  web: OWN_SAMPLES,
  'in-app': OWN_SAMPLES,
  whatsapp: WHATSAPP_SAMPLES,
  sms: SMS_SAMPLES,
  messenger: TIERED_SAMPLES,
  line: STANDARD_SAMPLES,
  'apple-messages': STANDARD_SAMPLES,
  byoc: STANDARD_SAMPLES,
  'byoc-interaction': INTERACTION_SAMPLES,
  'twilio-conversations': CONVERSATIONS_SAMPLES,
  chatwoot: CHATWOOT_SAMPLES,
};
const TRIED = Object.entries(SAMPLES);
const registry = createRegistry(BUILT_IN);

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

/** All scalar fields of a channel in the API. */
const CHANNEL = leavesOf('Channel');

function leavesOf(name: string): string {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(`no type ${name}`);
  const leaves = Object.values(type.getFields()).filter((field) => isLeafType(getNamedType(field.type)));
  return leaves.map((field) => field.name).join(' ');
}

/** Settings of a channel with secrets that occur nowhere else; the secrets of samples may. */
function ownSettings(adapterId: string, sample: unknown, whose: string): Record<string, unknown> {
  const settings = sample as Record<string, unknown>;
  const own = secretsOf(registry.get(adapterId)).map((name) => {
    // It has a fixed format and is random already.
    const isFormed = String(settings[name]).startsWith('whsec_');
    return [name, isFormed ? settings[name] : `tell nobody of ${name} of ${adapterId}, ${whose}`];
  });
  return { ...settings, ...Object.fromEntries(own) };
}

/** The texts of an adapter's secrets among settings. */
function secretsAmong(adapterId: string, settings: Record<string, unknown>): [string, string][] {
  return secretsOf(registry.get(adapterId)).flatMap((name): [string, string][] => {
    const value = settings[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
}

/** The whole database, as text. */
async function everything(): Promise<string> {
  const { sql } = api.engine.db;
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;
  const texts = await Promise.all(
    tables.map(({ name }) =>
      sql.unsafe(`select coalesce(string_agg(t::text, ' '), '') as text from ${name} t`),
    ),
  );
  return texts.map(([row]) => row?.text).join('\n');
}

describe('the secrets of channels', () => {
  it('are tested here for every built-in adapter', () => {
    expect(TRIED.map(([id]) => id).sort()).toEqual(BUILT_IN.map(({ id }) => id).sort());
  });

  it('are marked by every adapter: all settings whose names suggest a secret, and no others', () => {
    for (const adapter of BUILT_IN) {
      const properties = settingsSchemaOf(adapter).properties ?? {};
      const named = Object.keys(properties).filter((name) =>
        /secret|token|password|key|credential/i.test(name),
      );
      expect(secretsOf(adapter), adapter.id).toEqual(named);
      expect(named.length, adapter.id).toBeGreaterThan(0);
    }
  });

  it.each(TRIED)(
    'are sealed in the database for %s, and neither shown nor logged',
    async (adapterId, samples) => {
      const settings = ownSettings(adapterId, samples.settings, 'one');
      const others = ownSettings(adapterId, samples.otherSettings, 'other');
      const secrets = secretsAmong(adapterId, settings);
      expect(secrets.map(([name]) => name)).toEqual(secretsOf(registry.get(adapterId)));

      const told: unknown[] = [];
      const ask = async (query: string, variables: object) => {
        const answer = await api.ask(query, variables as Record<string, unknown>);
        told.push(answer);
        expect(answer.errors).toBeUndefined();
        return answer.data;
      };
      const create = `mutation ($input: CreateChannelInput!, $once: String) { createChannel(input: $input, idempotencyKey: $once) {
      ... on Channel { ${CHANNEL} } ... on Error { code message } } }`;
      const input = { name: `${adapterId} here`, adapterId, settings };
      const { createChannel } = await ask(create, { input, once: adapterId });
      expect(createChannel).toMatchObject({ name: `${adapterId} here` });
      expect(await ask(create, { input, once: adapterId })).toEqual({ createChannel });
      const id: string = createChannel.id;

      const { sql } = api.engine.db;
      const [row] = await sql`select settings from channel where name = ${`${adapterId} here`}`;
      for (const [name] of secrets) expect(row?.settings[name], name).toMatch(/^sealed:/);
      expect(api.deps.settings.open(adapterId, row?.settings)).toMatchObject(settings);

      await ask(
        `mutation ($input: UpdateChannelInput!) { updateChannel(input: $input) { ... on Channel { ${CHANNEL} } ... on Error { code message } } }`,
        { input: { channelId: id, settings: others } },
      );
      const bad = Object.fromEntries(secrets.map(([name, value]) => [name, { value }]));
      await ask(create, { input: { ...input, settings: bad } });
      await ask(
        `query ($id: ID!) { node(id: $id) { ... on Channel { ${CHANNEL} } }
        rulesVersions(first: 50) { nodes { ${leavesOf('RulesVersion')} } } }`,
        { id },
      );
      for (const { request } of samples.calls) {
        const { method, headers, body } = request;
        const url = api.server.url + createChannel.webhookPath;
        const answer = await fetch(url, { method, headers, body: Buffer.from(body) });
        told.push(answer.status, await answer.text());
      }

      const known = [...secrets, ...secretsAmong(adapterId, others)];
      const places = { told: JSON.stringify(told), kept: await everything(), logged: api.logged() };
      expect(places.logged).toContain(adapterId);
      for (const [name, value] of known)
        for (const [place, text] of Object.entries(places))
          expect(text, `${name}, ${place}`).not.toContain(value);
      expect(places.told).not.toContain('sealed:');
    },
  );
});
