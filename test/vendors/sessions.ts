import { BUILT_IN } from '../../src/adapters/index.ts';
import { createRegistry, parseSettings } from '../../src/adapters/registry.ts';
import type { Action } from '../../src/domain/activity.ts';
import { apply } from '../../src/lifecycle/apply.ts';
import type { Activity, ActivityResult } from '../../src/lifecycle/lifecycle.ts';
import { ensureChannel } from '../../src/lifecycle/setup.ts';
import type { Engine } from '../support/engine.ts';

const wire = { secret: 'known to these tests alone', showSurvey: true, showCloseMessage: true };
const brought = { ...wire, secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
const texts = { surveyText: 'How was it?', closeMessage: 'It is over.' };
const meta = {
  ...texts,
  ...{ phoneNumberId: '1', appSecret: 'known to these tests', verifyToken: 'known to these tests' },
  accessToken: 'known to these tests',
};
const twilio = {
  ...texts,
  ...{ accountSid: `AC${'0'.repeat(32)}`, authToken: 'known to these tests', sender: '+15550100' },
};
const [enhanced, standard] = [{ tier: 'enhanced' }, { tier: 'standard' }];

/** Every kind of channel that the table of sessions speaks of (SF-1), with settings its adapter takes. */
const CHANNELS = {
  'web chat': { adapter: 'web', settings: wire },
  'in-app chat': { adapter: 'in-app', settings: wire },
  byoc: { adapter: 'byoc', settings: brought },
  whatsapp: { adapter: 'whatsapp', settings: { ...meta, ...enhanced } },
  messenger: { adapter: 'messenger', settings: { ...brought, ...enhanced } },
  sms: { adapter: 'sms', settings: { ...twilio, ...enhanced } },
  line: { adapter: 'line', settings: brought },
  'apple messages': { adapter: 'apple-messages', settings: brought },
  'standard whatsapp': { adapter: 'whatsapp', settings: { ...meta, ...standard } },
  'standard messenger': { adapter: 'messenger', settings: { ...brought, ...standard } },
  'standard sms': { adapter: 'sms', settings: { ...twilio, ...standard } },
} as const;
export type ChannelName = keyof typeof CHANNELS;

export const ALL_CHANNELS = Object.keys(CHANNELS) as ChannelName[];
export const STANDARD_CHANNELS = ALL_CHANNELS.filter((name) => name.startsWith('standard '));
export const ENHANCED_CHANNELS = ALL_CHANNELS.filter((name) => !name.startsWith('standard '));
/** Where an agent can begin a session. */
export const OUTBOUND_CHANNELS = ENHANCED_CHANNELS.filter(
  (name) => name !== 'web chat' && name !== 'apple messages',
);

/** A channel of every kind on an engine's account. */
export type Sessions = Awaited<ReturnType<typeof openSessions>>;

export async function openSessions(engine: Engine) {
  const registry = createRegistry(BUILT_IN);
  const ids = new Map<ChannelName, string>();
  for (const name of ALL_CHANNELS) {
    const { adapter, settings } = CHANNELS[name];
    const parsed = parseSettings(registry.get(adapter), settings);
    ids.set(name, await ensureChannel(engine.deps, engine.accountId, { name, adapter, settings: parsed }));
  }
  const idOf = (name: ChannelName) => ids.get(name) as string;

  return {
    idOf,
    /** One channel, with what can be done at an address of it. */
    on(name: ChannelName) {
      const channelId = idOf(name);
      const channel = {
        channelId,
        async does(address: string, action: Action, when: Partial<Activity> = {}): Promise<ActivityResult> {
          const activity = { target: { channelId, address }, action, ...when };
          const [result] = await apply(engine.deps, engine.accountId, [activity]);
          return result as ActivityResult;
        },
        writes: (address: string, text = 'Hello', when: Partial<Activity> = {}) =>
          channel.does(address, { kind: 'INBOUND', text }, when),
        answers: (address: string, when: Partial<Activity> = {}) =>
          channel.does(address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, when),
        notifies: (address: string) => channel.does(address, { kind: 'START', by: 'AUTOMATION' }),
        begins: (address: string) =>
          channel.does(address, { kind: 'START', by: 'AGENT', agentId: engine.ann }),
        inactivates: (address: string) => channel.does(address, { kind: 'INACTIVATE', agentId: engine.ann }),
        policy: (fields: Record<string, unknown>) => engine.policy(fields, { channelId }),
        /** The customer wrote, and Ann answered at once. */
        async answered(address: string) {
          await channel.writes(address);
          await channel.answers(address);
        },
        /** ACTIVE with Ann, who then marked it INACTIVE. */
        async inactive(address: string) {
          await channel.answered(address);
          await channel.inactivates(address);
        },
      };
      return channel;
    },
  };
}
