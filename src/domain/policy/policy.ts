import type { Temporal } from 'temporal-polyfill';
import type { ActivityKind } from '../conversation/activity.ts';
import type { OpenStatus } from '../conversation/conversation.ts';
import { toMilliseconds } from '../time/duration.ts';
import type { Bounds, ChannelRules, TimerKind } from './channel-rules.ts';

/** All fields of a policy. Each is resolved on its own, from the most specific layer that sets it. */
export type Policy = {
  /** Whether AUTO_CLOSE is on (SP-2). */
  autoClose: boolean;
  /** The silence after which a conversation closes (LP-1). */
  autoCloseAfter: Temporal.Duration;
  autoCloseStatuses: readonly OpenStatus[];
  /** CONSUMER: only while the customer is awaited (LP-6). */
  autoCloseAwaiting: 'CONSUMER' | 'ANYBODY';
  /** The case statuses in which it closes (SP-4); null: all, and without one. */
  autoCloseCaseStatuses: readonly string[] | null;
  /** What happens instead of ending (PE-9). */
  autoCloseThen: 'END' | 'HOLD' | 'TO_QUEUE';
  /** How long before the close reminders are sent, the earliest first; at most three (PE-2). */
  remindBefore: readonly Temporal.Duration[];
  /** Whether INACTIVATE is on (SF-2). */
  inactivate: boolean;
  inactivateAfter: Temporal.Duration;
  endInactive: boolean;
  endInactiveAfter: Temporal.Duration;
  endUnanswered: boolean;
  endUnansweredAfter: Temporal.Duration;
  queueTimeout: boolean;
  queueTimeoutAfter: Temporal.Duration;
  queueTimeoutThen: 'END' | 'OVERFLOW';
  overflowSkillId: string | null;
  /** How long after the end a customer's message reopens it (SP-7, PE-11); zero: always a new one. */
  reopenWithin: Temporal.Duration;
  /** Whether a manual response time keeps it from closing (LP-7). */
  exemptManualResponseTime: boolean;
  /** Whether messages of bots count as messages of agents (PE-5). */
  botsAreAgents: boolean;
  /** The activities that restart the inactivity clock, besides messages of customers and agents (LL-10). */
  resetOn: readonly ActivityKind[];
  /** The close messages by language; none: the channel's own text (PE-3). */
  closeMessages: readonly CloseMessage[];
  /** The tag that an automatic end adds (PE-3); null: none. */
  tagOnClose: string | null;
  /** Words by which customers opt out, besides those of the channel (PE-12). */
  optOutWords: readonly string[];
  /** Whether a conversation that a notification started stays open for a reply (SF-10). */
  sessionLongevity: boolean;
  /** What happens when an agent writes to an INACTIVE conversation (SF-6). */
  agentMessageWhenInactive: 'REACTIVATE' | 'NEW_CONVERSATION';
  /**
   * Whether capacity depends on the status of conversations, so that a returning customer gets the same agent
   * (SF-7).
   */
  statusBasedCapacity: boolean;
  /** Whether agents may mark a conversation INACTIVE (SF-12). */
  manualInactivation: boolean;
};
/** A close message in one language (BCP 47); null: for all languages without one of their own. */
export type CloseMessage = { locale: string | null; text: string };
export type PolicyField = keyof Policy;
export type PolicyFields = Partial<Policy>;

/** Fields that switch a timer on or off. Switching on never closes a backlog (SP-6). */
export const SWITCHES = {
  autoClose: ['AUTO_CLOSE', 'REMIND'],
  inactivate: ['INACTIVATE'],
  endInactive: ['END_INACTIVE'],
  endUnanswered: ['END_UNANSWERED'],
  queueTimeout: ['QUEUE_TIMEOUT'],
} as const satisfies Partial<Record<PolicyField, readonly TimerKind[]>>;
export type SwitchField = keyof typeof SWITCHES;

/** The timer whose bounds (of profile and adapter) apply to a duration field. */
export const DURATION_FIELDS = {
  autoCloseAfter: 'AUTO_CLOSE',
  inactivateAfter: 'INACTIVATE',
  endInactiveAfter: 'END_INACTIVE',
  endUnansweredAfter: 'END_UNANSWERED',
  queueTimeoutAfter: 'QUEUE_TIMEOUT',
  reopenWithin: null,
} as const satisfies Partial<Record<PolicyField, TimerKind | null>>;
export type DurationField = keyof typeof DURATION_FIELDS;

/** A named set of bounds, defaults and reset rules. It is data: the core never asks for a profile by name. */
export type Profile = {
  id: string;
  bounds: Readonly<Record<DurationField, Bounds>>;
  defaults: Policy;
  /** Fields that no layer may set, because the vendor offers no choice. */
  fixed: readonly PolicyField[];
  /** Fields that only some kinds of layer may set. */
  scopes: Partial<Record<PolicyField, readonly LayerScope[]>>;
  /**
   * Switches that exclude each other: one cannot be on anywhere while the account has the other on (SF-3).
   */
  excludes: readonly (readonly [SwitchField, 'statusBasedCapacity'])[];
  /** Whether its conversations are sessions, for which each channel has its own rules (SF-1, SF-9). */
  sessions: boolean;
  /** The ends for which `case_closed` is sent (SP-11). */
  caseClosedOn: 'ALL_ENDS' | 'MANUAL_ENDS';
  /** The system protection (LP-11): applies to any open conversation; null: there is none. */
  protectAfter: Temporal.Duration | null;
};

/**
 * The fields set in one layer: of the account (both ids null), a channel, a skill, or a skill on a channel.
 */
export type Layer = {
  channelId: string | null;
  skillId: string | null;
  fields: PolicyFields;
  /** The rules version that last changed it. */
  version: number;
};

/** The kinds of layer, the weakest first. */
const LAYER_SCOPES = ['ACCOUNT', 'CHANNEL', 'SKILL', 'CHANNEL_AND_SKILL'] as const;
export type LayerScope = (typeof LAYER_SCOPES)[number];

/** The source of a resolved value. */
export type Origin = {
  scope: 'PROFILE' | LayerScope;
  /** The rules version that set it; null for the profile's default. */
  version: number | null;
  /** Whether the inherited value was outside the channel's bounds and moved to the nearest bound. */
  clamped: boolean;
};

/** A policy with the origin of every field. */
export type ResolvedPolicy = { policy: Policy; origins: Readonly<Record<PolicyField, Origin>> };

/** The layers that apply to a channel (null: any) and a skill, the least specific first. */
export function layersFor(
  layers: readonly Layer[],
  channelId: string | null,
  skillId: string | null,
): Layer[] {
  return layers
    .filter(
      (layer) =>
        (layer.channelId === null || layer.channelId === channelId) &&
        (layer.skillId === null || layer.skillId === skillId),
    )
    .sort((a, b) => specificity(a) - specificity(b));
}

/** The name of a kind of layer. */
export function scopeOf(layer: Pick<Layer, 'channelId' | 'skillId'>): LayerScope {
  return LAYER_SCOPES[specificity(layer)] ?? 'ACCOUNT';
}

/** The bounds of a duration field: the profile's, narrowed by the channel's. */
export function boundsOf(field: DurationField, profile: Profile, channel: ChannelRules | null): Bounds {
  const own = profile.bounds[field];
  const timer = DURATION_FIELDS[field];
  const theirs = timer === null ? null : (channel?.bounds[timer] ?? null);
  if (theirs === null) return own;
  return { min: longer(own.min, theirs.min), max: shorter(own.max, theirs.max) };
}

/**
 * Resolves every field for a channel and skill: profile, account, channel, skill, channel and skill, with later
 * ones stronger (LP-4). Inherited durations outside the channel's bounds are clamped and marked so.
 */
export function resolvePolicy(
  profile: Profile,
  layers: readonly Layer[],
  channel: { id: string; rules: ChannelRules } | null,
  skillId: string | null,
): ResolvedPolicy {
  let policy = profile.defaults;
  const origins = Object.fromEntries(
    Object.keys(policy).map((field) => [field, { scope: 'PROFILE', version: null, clamped: false }]),
  ) as Record<PolicyField, Origin>;
  for (const layer of layersFor(layers, channel?.id ?? null, skillId)) {
    policy = { ...policy, ...layer.fields };
    for (const field of Object.keys(layer.fields) as PolicyField[])
      origins[field] = { scope: scopeOf(layer), version: layer.version, clamped: false };
  }
  const clamped: Partial<Record<DurationField, Temporal.Duration>> = {};
  for (const field of Object.keys(DURATION_FIELDS) as DurationField[]) {
    const { min, max } = boundsOf(field, profile, channel?.rules ?? null);
    const within = shorter(longer(policy[field], min), max);
    if (within === policy[field]) continue;
    clamped[field] = within;
    origins[field] = { ...origins[field], clamped: true };
  }
  return { policy: { ...policy, ...clamped }, origins };
}

/** A change in the history: a layer written or removed, or a profile set. */
export type PolicyChange = {
  at: Date;
  profile?: Profile;
  layer?: Pick<Layer, 'channelId' | 'skillId'> & { fields: PolicyFields | null };
};

/** The conversations that a switch applies to. The case status matters to `autoClose` only (SP-4). */
type SwitchScope = { channelId: string; skillId: string | null; caseStatus: string | null };

/**
 * When the resolved value of a switch last changed from off to on, for a channel, skill and case status; null if it has been on
 * from the beginning. A conversation that was silent before then stays open until its next counted activity (SP-6).
 */
export function enabledSince(
  field: SwitchField,
  { channelId, skillId, caseStatus }: SwitchScope,
  { history, firstProfile }: { history: readonly PolicyChange[]; firstProfile: Profile },
): Date | null {
  let profile = firstProfile;
  const layers = new Map<number, PolicyFields | null>();
  const resolved = <Field extends PolicyField>(name: Field): Policy[Field] => {
    const set = [3, 2, 1, 0].map((place) => layers.get(place)?.[name]).find((value) => value !== undefined);
    return set === undefined ? profile.defaults[name] : (set as Policy[Field]);
  };
  const value = () =>
    resolved(field) && (field !== 'autoClose' || picks(resolved('autoCloseCaseStatuses'), caseStatus));
  let since: Date | null = null;
  let on = value();
  for (const { at, profile: chosen, layer } of history) {
    if (chosen) profile = chosen;
    if (layer && (layer.channelId ?? channelId) === channelId && (layer.skillId ?? skillId) === skillId)
      layers.set(specificity(layer), layer.fields);
    const next = value();
    if (next && !on) since = at;
    on = next;
  }
  return since;
}

/** Whether a case status is among the chosen ones; null chooses all, and conversations without one (SP-4). */
export function picks(picked: Policy['autoCloseCaseStatuses'], caseStatus: string | null): boolean {
  return picked === null || (caseStatus !== null && picked.includes(caseStatus));
}

function specificity(layer: Pick<Layer, 'channelId' | 'skillId'>): number {
  return (layer.channelId === null ? 0 : 1) + (layer.skillId === null ? 0 : 2);
}

function longer(a: Temporal.Duration, b: Temporal.Duration): Temporal.Duration {
  return toMilliseconds(b) > toMilliseconds(a) ? b : a;
}

function shorter(a: Temporal.Duration, b: Temporal.Duration): Temporal.Duration {
  return toMilliseconds(b) < toMilliseconds(a) ? b : a;
}
