import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry, parseSettings } from '../../src/adapters/registry.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Activity, ActivityResult } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import type { Engine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

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
const REGISTRY = createRegistry(BUILT_IN);
export type ChannelName = keyof typeof CHANNELS;

export const ALL_CHANNELS = Object.keys(CHANNELS) as ChannelName[];
export const STANDARD_CHANNELS = ALL_CHANNELS.filter((name) => name.startsWith('standard '));
export const ENHANCED_CHANNELS = ALL_CHANNELS.filter((name) => !name.startsWith('standard '));
/** Where an agent can begin a session. */
export const OUTBOUND_CHANNELS = ENHANCED_CHANNELS.filter(
  (name) => name !== 'web chat' && name !== 'apple messages',
);

/** A session that the business began, as its row has it. */
export const NEW = { status: 'NEW', awaiting: 'CONSUMER', agent_id: null, ended_at: null };

/** What such a channel is made from. */
export function setupOfChannel(name: ChannelName) {
  const { adapter, settings } = CHANNELS[name];
  return { name, adapter, settings: parseSettings(REGISTRY.get(adapter), settings) };
}

/** A channel of every kind on an engine's account. */
export type Sessions = Awaited<ReturnType<typeof openSessions>>;

export async function openSessions(engine: Engine) {
  const { deps, accountId } = engine;
  const ids = new Map<ChannelName, string>();
  for (const name of ALL_CHANNELS) ids.set(name, await ensureChannel(deps, accountId, setupOfChannel(name)));
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
          const [result] = await recordActivities(engine.deps, engine.accountId, [activity]);
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

/** How tests pass time on an engine's clock. */
export function timeOf(engine: Engine) {
  const now = () => engine.clock.now();
  const inMs = (ms: number) => new Date(now().getTime() + ms);
  /** Runs until a millisecond before an instant; only the last second of it as workers would. */
  async function runUpTo(instant: Date) {
    await engine.jumpTo(new Date(instant.getTime() - 1000));
    await engine.runUntil(new Date(instant.getTime() - 1));
  }
  return {
    now,
    inMs,
    runUpTo,
    /** Time passes in one step: what falls due within it acts at its end. */
    wait: (ms: number) => engine.jumpTo(inMs(ms)),
    /** What a conversation is, a millisecond before an instant and at it. */
    async around(address: string, instant: Date) {
      await runUpTo(instant);
      const before = await engine.latest(address);
      await engine.runUntil(instant);
      return { before, after: await engine.latest(address) };
    },
  };
}
