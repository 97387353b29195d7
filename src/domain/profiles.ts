import { Temporal } from 'temporal-polyfill';
import { resetMatrix } from './activity.ts';
import type { Bounds } from './channel-rules.ts';
import { NotFoundError } from './errors.ts';
import type { Profile } from './policy.ts';

const duration = (iso: string) => Temporal.Duration.from(iso);
const between = (min: string, max: string): Bounds => ({ min: duration(min), max: duration(max) });
const minuteTo90Days = between('PT1M', 'P90D');

/** All vendors' abilities together, with the widest bounds. */
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
  },
  resets: resetMatrix('CASE_STATUS', 'TO_QUEUE'),
  protectAfter: duration('P90D'),
};

/** The built-in profiles by name. */
export const PROFILES: Readonly<Record<string, Profile>> = { LULL };

/** Finds a profile by name. @throws NotFoundError naming `field`. */
export function profileNamed(name: string, field = 'profile'): Profile {
  const profile = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  if (!profile)
    throw new NotFoundError(field, `profile as ${name}; there is ${Object.keys(PROFILES).join(', ')}`);
  return profile;
}
