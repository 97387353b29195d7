import { describe, expect, it } from 'vitest';
import { ACTIVITIES, resets } from '../../src/domain/conversation/activity.ts';
import { DURATION_FIELDS, type DurationField } from '../../src/domain/policy/policy.ts';
import { formatPolicyFields } from '../../src/domain/policy/policy-fields.ts';
import { LULL, PROFILES, profileNamed } from '../../src/domain/policy/profiles.ts';
import { formatDuration } from '../../src/domain/time/duration.ts';

describe('profile LULL', () => {
  it('has what the design says it has', () => {
    expect(formatPolicyFields(LULL.defaults)).toMatchObject({
      autoClose: true,
      autoCloseAfter: 'P90D',
      autoCloseStatuses: ['WAITING', 'ACTIVE'],
      autoCloseAwaiting: 'CONSUMER',
      endUnanswered: true,
      endUnansweredAfter: 'P2D',
      endInactive: true,
      endInactiveAfter: 'P1D',
      reopenWithin: 'P4D',
      inactivate: false,
      remindBefore: [],
      queueTimeout: false,
      exemptManualResponseTime: true,
      botsAreAgents: false,
    });
    expect(LULL.protectAfter && formatDuration(LULL.protectAfter)).toBe('P90D');
  });

  it('moves the clock for messages, case status and return to the queue, and for nothing else', () => {
    expect(ACTIVITIES.filter((kind) => resets(LULL.defaults.resetOn, kind))).toEqual([
      'CONSUMER_MESSAGE',
      'AGENT_MESSAGE',
      'CASE_STATUS',
      'TO_QUEUE',
    ]);
  });
});

describe.each(Object.values(PROFILES))('profile $id', (profile) => {
  it('is found by its name', () => expect(profileNamed(profile.id)).toBe(profile));

  it('has defaults within its own bounds', () => {
    const days = (duration: { total(unit: 'days'): number }) => duration.total('days');
    for (const field of Object.keys(DURATION_FIELDS) as DurationField[]) {
      expect(days(profile.defaults[field])).toBeGreaterThanOrEqual(days(profile.bounds[field].min));
      expect(days(profile.defaults[field])).toBeLessThanOrEqual(days(profile.bounds[field].max));
    }
  });
});

it.each(['', 'lull', 'toString', '__proto__'])(
  'there is no profile %j, and the error names those there are',
  (name) => {
    expect(() => profileNamed(name, 'input.profile')).toThrow(
      expect.objectContaining({
        code: 'NOT_FOUND',
        field: 'input.profile',
        message: expect.stringContaining('LULL'),
      }),
    );
  },
);
