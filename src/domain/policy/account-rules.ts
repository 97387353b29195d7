import { ALWAYS_OPEN, type Calendar } from '../time/calendar.ts';
import type { ChannelRules } from './channel-rules.ts';
import {
  enabledSince,
  type Layer,
  type PolicyChange,
  type Profile,
  type ResolvedPolicy,
  resolvePolicy,
  type SwitchField,
} from './policy.ts';

/** An account's channel, as far as rules care. */
export type ChannelSetup = {
  id: string;
  adapterId: string;
  /** What its adapter is set up with, as it is stored: secrets are sealed. */
  settings: object;
  rules: ChannelRules;
  /** Open hours, holidays, outages and pauses: what most timers run on. */
  calendar: Calendar;
  /** Outages and pauses alone: what the system protection runs on. */
  wallCalendar: Calendar;
  /** Whether anything can be sent to its customers from here. */
  sends: boolean;
  /** Whether automatic ends are switched off here just now (LL-15). */
  paused: boolean;
};

/** Everything an account's timers depend on, at one rules version. */
export type AccountRules = {
  accountId: string;
  version: number;
  /** When this version came into force; nothing is late from before. */
  since: Date;
  profile: Profile;
  /** The profile the account began with; its switches are the first state of `history`. */
  firstProfile: Profile;
  layers: readonly Layer[];
  history: readonly PolicyChange[];
  channels: ReadonlyMap<string, ChannelSetup>;
  exemptTags: ReadonlySet<string>;
  /** The case statuses that there are (SP-4). */
  caseStatuses: ReadonlySet<string>;
  /** Who wants to hear of which events, by webhook. */
  endpoints: readonly Endpoint[];
};

/** A subscriber to webhooks; without a channel it hears of all. */
type Endpoint = { id: string; events: readonly string[]; channelId: string | null };

/** What holds for one channel and skill. */
export type Settings = ResolvedPolicy & {
  channel: ChannelSetup;
  /** When a switch last went on, `autoClose` for conversations of a case status; null: it always was (SP-6). */
  enabledSince(field: SwitchField, caseStatus: string | null): Date | null;
};

const memo = new WeakMap<AccountRules, Map<string, Map<string | null, Settings>>>();

/** Resolves the rules for a channel and skill; the same object every time for one version. */
export function settingsFor(rules: AccountRules, channelId: string, skillId: string | null): Settings {
  const found = memo.get(rules)?.get(channelId)?.get(skillId);
  return found ?? resolved(rules, channelId, skillId);
}

function resolved(rules: AccountRules, channelId: string, skillId: string | null): Settings {
  const channel = rules.channels.get(channelId);
  if (!channel)
    throw new Error(`account ${rules.accountId} has no channel ${channelId} at version ${rules.version}`);
  const sinces = new Map<string, Date | null>();
  const settings: Settings = {
    ...resolvePolicy(rules.profile, rules.layers, channel, skillId),
    channel,
    enabledSince(field, caseStatus) {
      const key = JSON.stringify(field === 'autoClose' ? [field, caseStatus] : [field]);
      let since = sinces.get(key);
      if (since === undefined) {
        since = enabledSince(field, { channelId, skillId, caseStatus }, rules);
        sinces.set(key, since);
      }
      return since;
    },
  };
  const ofAccount = memo.get(rules) ?? new Map<string, Map<string | null, Settings>>();
  memo.set(rules, ofAccount);
  const ofChannel = ofAccount.get(channelId) ?? new Map<string | null, Settings>();
  ofAccount.set(channelId, ofChannel.set(skillId, settings));
  return settings;
}

/** Rules of one channel with nothing set but its profile; what a replay runs on. */
export function plainRules(
  profile: Profile,
  channel: Pick<ChannelSetup, 'id' | 'adapterId' | 'rules'>,
  fields: Layer['fields'] = {},
): AccountRules {
  return {
    accountId: 'replay',
    version: 1,
    since: new Date(0),
    profile,
    firstProfile: profile,
    layers: [{ channelId: null, skillId: null, fields, version: 1 }],
    history: [],
    channels: new Map([
      [
        channel.id,
        {
          ...{ ...channel, settings: {}, calendar: ALWAYS_OPEN, wallCalendar: ALWAYS_OPEN },
          ...{ sends: false, paused: false },
        },
      ],
    ]),
    exemptTags: new Set(),
    caseStatuses: new Set(),
    endpoints: [],
  };
}
