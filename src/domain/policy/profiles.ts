import { Temporal } from 'temporal-polyfill';
import { NotFoundError } from '../errors.ts';
import type { Bounds } from './channel-rules.ts';
import type { Policy, Profile } from './policy.ts';

const duration = (iso: string) => Temporal.Duration.from(iso);
const between = (min: string, max: string): Bounds => ({ min: duration(min), max: duration(max) });
const minuteTo90Days = between('PT1M', 'P90D');
const never = between('PT0S', 'PT0S');

/** Switches of the account as a whole: only the account's layer may set them. */
const ACCOUNT_ALONE = { statusBasedCapacity: ['ACCOUNT'], manualInactivation: ['ACCOUNT'] } as const;

/** The abilities of all vendors together, with the widest bounds. */
export const LULL: Profile = {
  id: 'LULL',
  bounds: {
    autoCloseAfter: minuteTo90Days,
    inactivateAfter: minuteTo90Days,
    endInactiveAfter: minuteTo90Days,
    endUnansweredAfter: minuteTo90Days,
    queueTimeoutAfter: minuteTo90Days,
    reopenWithin: between('PT0S', 'P30D'),
  },
  defaults: {
    autoClose: true,
    autoCloseAfter: duration('P90D'),
    autoCloseStatuses: ['WAITING', 'ACTIVE'],
    autoCloseAwaiting: 'CONSUMER',
    autoCloseCaseStatuses: null,
    autoCloseThen: 'END',
    remindBefore: [],
    inactivate: false,
    inactivateAfter: duration('PT30M'),
    endInactive: true,
    endInactiveAfter: duration('PT24H'),
    endUnanswered: true,
    endUnansweredAfter: duration('PT48H'),
    queueTimeout: false,
    queueTimeoutAfter: duration('PT1H'),
    queueTimeoutThen: 'END',
    overflowSkillId: null,
    reopenWithin: duration('P4D'),
    exemptManualResponseTime: true,
    botsAreAgents: false,
    resetOn: ['CASE_STATUS', 'TO_QUEUE'],
    closeMessages: [],
    tagOnClose: null,
    optOutWords: [],
    sessionLongevity: true,
    agentMessageWhenInactive: 'REACTIVATE',
    statusBasedCapacity: false,
    manualInactivation: true,
  },
  fixed: [],
  scopes: ACCOUNT_ALONE,
  excludes: [],
  sessions: false,
  caseClosedOn: 'MANUAL_ENDS',
  protectAfter: duration('P90D'),
};

const withDefaults = (own: Partial<Policy>): Policy => ({ ...LULL.defaults, ...own });

/**
 * LivePerson's conversations (LP-1 to LP-13): a conversation that awaits the customer always closes; every change
 * of its metadata counts as activity; an ended one is never reopened.
 */
const LIVEPERSON: Profile = {
  ...LULL,
  id: 'LIVEPERSON',
  bounds: { ...LULL.bounds, autoCloseAfter: between('PT25M', 'P90D'), reopenWithin: never },
  defaults: withDefaults({
    autoCloseStatuses: ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE'],
    endInactive: false,
    endUnanswered: false,
    reopenWithin: duration('PT0S'),
    resetOn: ['CASE_STATUS', 'TO_QUEUE', 'READER_JOINED', 'ASSIGN', 'TAG', 'SKILL', 'MANUAL_RESPONSE_TIME'],
  }),
  fixed: ['autoClose', 'autoCloseStatuses', 'autoCloseAwaiting', 'autoCloseCaseStatuses', 'autoCloseThen'],
  caseClosedOn: 'ALL_ENDS',
};

/**
 * Salesforce's sessions (SF-1 to SF-14): the customer's silence makes a session INACTIVE, and it ends a day later.
 * A message after the end starts a new session.
 */
const SALESFORCE: Profile = {
  ...LULL,
  id: 'SALESFORCE',
  bounds: {
    ...LULL.bounds,
    inactivateAfter: between('PT5M', 'PT30M'),
    endInactiveAfter: between('PT24H', 'PT24H'),
    endUnansweredAfter: between('PT24H', 'PT48H'),
    reopenWithin: never,
  },
  defaults: withDefaults({
    autoClose: false,
    reopenWithin: duration('PT0S'),
    resetOn: [],
    sessionLongevity: false,
    agentMessageWhenInactive: 'NEW_CONVERSATION',
  }),
  fixed: [
    'autoClose',
    'endInactive',
    'endInactiveAfter',
    'endUnanswered',
    'endUnansweredAfter',
    'agentMessageWhenInactive',
  ],
  scopes: { ...ACCOUNT_ALONE, inactivate: ['CHANNEL'], inactivateAfter: ['CHANNEL'] },
  excludes: [['inactivate', 'statusBasedCapacity']],
  sessions: true,
  caseClosedOn: 'ALL_ENDS',
  protectAfter: null,
};

/**
 * Sprout's cases (SP-1 to SP-13): if switched on, a case closes after silence without a change of status, whoever
 * is awaited. A customer who writes again reopens it.
 */
const SPROUT: Profile = {
  ...LULL,
  id: 'SPROUT',
  bounds: { ...LULL.bounds, autoCloseAfter: between('PT1H', 'P21D') },
  defaults: withDefaults({
    autoClose: false,
    autoCloseAfter: duration('P7D'),
    autoCloseStatuses: ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE'],
    autoCloseAwaiting: 'ANYBODY',
    endInactive: false,
    endUnanswered: false,
    exemptManualResponseTime: false,
    resetOn: ['CASE_STATUS'],
  }),
  protectAfter: null,
};

/** The built-in profiles by name. */
export const PROFILES: Readonly<Record<string, Profile>> = { LULL, LIVEPERSON, SALESFORCE, SPROUT };

/** Finds a profile by name. @throws NotFoundError naming `field` */
export function profileNamed(name: string, field = 'profile'): Profile {
  const profile = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  if (!profile)
    throw new NotFoundError(field, `profile as ${name}; there is ${Object.keys(PROFILES).join(', ')}`);
  return profile;
}
