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

/** An account's channel, as far as rules need it. */
export type ChannelSetup = {
  id: string;
  adapterId: string;
  /** The adapter's settings as stored, with encrypted secrets. */
  settings: object;
  rules: ChannelRules;
  /** Open hours, holidays, outages and pauses: the calendar of most timers. */
  calendar: Calendar;
  /** Outages and pauses only: the calendar of the system protection. */
  wallCalendar: Calendar;
  /** Whether this channel sends messages to customers. */
  sends: boolean;
  /** Whether automatic ends are paused here now (LL-15). */
  paused: boolean;
};

/** Everything that an account's timers depend on, at one rules version. */
export type AccountRules = {
  accountId: string;
  version: number;
  /** When this version came into force. No lateness is counted from before. */
  since: Date;
  profile: Profile;
  /** The profile at the creation of the account; its switches are the first state of `history`. */
  firstProfile: Profile;
  layers: readonly Layer[];
  history: readonly PolicyChange[];
  channels: ReadonlyMap<string, ChannelSetup>;
  exemptTags: ReadonlySet<string>;
  /** The case statuses of the account (SP-4). */
  caseStatuses: ReadonlySet<string>;
  /** The webhook endpoints and their events. */
  endpoints: readonly Endpoint[];
};

/** A webhook endpoint; without a channel it receives events of all channels. */
type Endpoint = { id: string; events: readonly string[]; channelId: string | null };

/** The resolved rules for one channel and skill. */
export type Settings = ResolvedPolicy & {
  channel: ChannelSetup;
  /**
   * When a switch was last turned on, `autoClose` for conversations with a case status; null: it was always on
   * (SP-6).
   */
  enabledSince(field: SwitchField, caseStatus: string | null): Date | null;
};

const memo = new WeakMap<AccountRules, Map<string, Map<string | null, Settings>>>();

/** Resolves the rules for a channel and skill. It returns the same object each time for one version. */
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

/** The rules of one channel with only the profile's defaults, for a replay. */
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
