import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { secretsOf } from '../../src/adapters/settings.ts';
import { INTERACTION_SAMPLES } from '../adapters/samples/interactions.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
let adapters: Awaited<ReturnType<typeof list>>;
beforeAll(async () => {
  api = await openApi();
  adapters = await list();
});
afterAll(() => api.close());

const CAPABILITIES = `
  timers { timer exists min max } canReopen businessInitiated newConversationOnAgentMessage sessionTier
  agentInitiatedSessions replyWindow closeMessageLength idempotentSends optOutWords optInWords helpWords`;

type Schema = {
  type: string;
  properties: Record<string, { type?: string; description?: string; writeOnly?: boolean; enum?: string[] }>;
  required: string[];
  additionalProperties: boolean;
};
type Capabilities = Record<string, unknown> & { timers: { timer: string; exists: boolean }[] };

async function list() {
  const query = `{ adapters { id name sendsBy settingsSchema capabilities { ${CAPABILITIES} }
    variants { setting value capabilities { ${CAPABILITIES} } } } }`;
  const { data, errors } = await api.ask(query);
  expect(errors).toBeUndefined();
  return data.adapters as {
    id: string;
    name: string;
    sendsBy: string | null;
    settingsSchema: Schema;
    capabilities: Capabilities;
    variants: { setting: string; value: string; capabilities: Capabilities }[];
  }[];
}

const named = (id: string) => {
  const found = adapters.find((adapter) => adapter.id === id);
  if (!found) throw new Error(`no ${id}`);
  return found;
};

describe('the query adapters', () => {
  it('lists every built-in adapter, sorted by id', () => {
    expect(adapters.map(({ id }) => id)).toEqual(BUILT_IN.map(({ id }) => id).sort());
  });

  it('PE-4 PE-12 SF-2 lists the capabilities of each adapter and of its variants', () => {
    const { name, capabilities, variants } = named('whatsapp');
    const enhanced = {
      timers: [{ timer: 'INACTIVATE', exists: false, min: null, max: null }],
      canReopen: true,
      businessInitiated: true,
      newConversationOnAgentMessage: true,
      sessionTier: 'ENHANCED',
      agentInitiatedSessions: true,
      replyWindow: 'P1D',
      closeMessageLength: 4096,
      idempotentSends: false,
      optOutWords: ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'OPT OUT'],
      optInWords: ['START', 'YES', 'UNSTOP'],
      helpWords: ['HELP', 'INFO'],
    };
    expect({ name, capabilities }).toEqual({ name: 'WhatsApp', capabilities: enhanced });
    const standard = {
      ...enhanced,
      sessionTier: 'STANDARD',
      timers: [
        { timer: 'INACTIVATE', exists: false, min: null, max: null },
        { timer: 'END_INACTIVE', exists: false, min: null, max: null },
        { timer: 'END_UNANSWERED', exists: true, min: 'PT1M', max: 'P1D' },
      ],
    };
    expect(variants).toEqual([
      { setting: 'tier', value: 'standard', capabilities: standard },
      { setting: 'tier', value: 'enhanced', capabilities: enhanced },
    ]);
  });

  it('names `deliverUrl` as the setting to send by for the web adapter, and none for WhatsApp', () => {
    expect(named('web')).toMatchObject({
      sendsBy: 'deliverUrl',
      variants: [],
      capabilities: { timers: [], replyWindow: null, agentInitiatedSessions: false },
    });
    expect(named('whatsapp').sendsBy).toBeNull();
  });

  it('includes a JSON Schema of the settings that describes every setting', () => {
    for (const { id, settingsSchema: schema } of adapters) {
      expect(schema, id).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        additionalProperties: false,
      });
      for (const [setting, { description }] of Object.entries(schema.properties))
        expect(description, `${id}.${setting}`).toMatch(/\w/);
    }
  });

  it('requires exactly the settings without which a channel is refused', () => {
    const adapter = BUILT_IN.find(({ id }) => id === 'byoc-interaction');
    const { required } = named('byoc-interaction').settingsSchema;
    const good = INTERACTION_SAMPLES.settings as Record<string, unknown>;
    for (const setting of Object.keys(good)) {
      const { [setting]: _, ...rest } = good;
      const parse = () => parseSettings(adapter as never, rest);
      if (required.includes(setting)) expect(parse, setting).toThrow(`settings.${setting}`);
      else expect(parse, setting).not.toThrow();
    }
    expect(required.length).toBeGreaterThan(0);
  });

  it('marks exactly the secret settings as writeOnly', () => {
    for (const adapter of BUILT_IN) {
      const { properties } = named(adapter.id).settingsSchema;
      const marked = Object.keys(properties).filter((name) => properties[name]?.writeOnly);
      expect(marked, adapter.id).toEqual(secretsOf(adapter));
    }
  });

  it('requires the scope conversations:read', async () => {
    const key = await api.makeKey(['accounts:write']);
    const { errors } = await api.ask('{ adapters { id } }', {}, key);
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});
