import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import web from '../../src/adapters/channels/web/adapter.ts';
import {
  boundsOf,
  enabledSince,
  type Layer,
  type PolicyChange,
  type PolicyFields,
  resolvePolicy,
  scopeOf,
} from '../../src/domain/policy/policy.ts';
import { LULL } from '../../src/domain/policy/profiles.ts';
import { formatDuration } from '../../src/domain/time/duration.ts';
import { at } from '../support/domain.ts';

/** Since when auto close is on, by a history. */
function closingSince(
  history: readonly PolicyChange[],
  scope: { channelId?: string; skillId: string | null; caseStatus?: string | null },
  firstProfile = LULL,
): Date | null {
  return enabledSince(
    'autoClose',
    { channelId: 'web', caseStatus: null, ...scope },
    { history, firstProfile },
  );
}

const duration = (iso: string) => Temporal.Duration.from(iso);
const layer = (place: string, version: number, fields: PolicyFields): Layer =>
  ({ ...PLACES[place], version, fields }) as Layer;
const PLACES: Record<string, Pick<Layer, 'channelId' | 'skillId'>> = {
  ACCOUNT: { channelId: null, skillId: null },
  CHANNEL: { channelId: 'web', skillId: null },
  SKILL: { channelId: null, skillId: 'sales' },
  CHANNEL_AND_SKILL: { channelId: 'web', skillId: 'sales' },
};
const channel = { id: 'web', rules: web.rules };

describe('resolving a policy', () => {
  const layers = [
    layer('CHANNEL_AND_SKILL', 5, { autoCloseAfter: duration('PT4H') }),
    layer('SKILL', 4, { autoCloseAfter: duration('PT3H') }),
    layer('CHANNEL', 3, { autoCloseAfter: duration('PT2H'), endInactiveAfter: duration('PT12H') }),
    layer('ACCOUNT', 2, {
      autoCloseAfter: duration('PT1H'),
      endInactiveAfter: duration('PT6H'),
      autoClose: false,
    }),
  ];

  it.each([
    [5, 'PT4H', 'CHANNEL_AND_SKILL'],
    [4, 'PT3H', 'SKILL'],
    [3, 'PT2H', 'CHANNEL'],
    [2, 'PT1H', 'ACCOUNT'],
    [1, 'P90D', 'PROFILE'],
  ])('LP-4 of layers up to version %i the most specific decides: %s, by %s', (version, value, scope) => {
    const known = layers.filter((each) => each.version <= version);
    const { policy, origins } = resolvePolicy(LULL, known, channel, 'sales');
    expect(formatDuration(policy.autoCloseAfter)).toBe(value);
    expect(origins.autoCloseAfter).toEqual({
      scope,
      version: version === 1 ? null : version,
      clamped: false,
    });
  });

  it('LP-4 each field is resolved by itself', () => {
    const { policy, origins } = resolvePolicy(LULL, layers, channel, 'sales');
    expect(formatDuration(policy.endInactiveAfter)).toBe('PT12H');
    expect(origins.endInactiveAfter).toMatchObject({ scope: 'CHANNEL', version: 3 });
    expect(policy.autoClose).toBe(false);
    expect(origins.autoClose).toMatchObject({ scope: 'ACCOUNT', version: 2 });
    expect(origins.endUnansweredAfter).toMatchObject({ scope: 'PROFILE', version: null });
  });

  it('LP-4 other skills, other channels and conversations without a skill are not touched', () => {
    const value = (id: string, skillId: string | null) =>
      formatDuration(resolvePolicy(LULL, layers, { id, rules: web.rules }, skillId).policy.autoCloseAfter);
    expect(value('web', 'care')).toBe('PT2H');
    expect(value('web', null)).toBe('PT2H');
    expect(value('app', 'sales')).toBe('PT3H');
    expect(value('app', null)).toBe('PT1H');
  });

  it('clamps what is inherited to what the channel allows, and says so', () => {
    const bounds = { AUTO_CLOSE: { min: duration('PT2H'), max: duration('PT3H') } };
    const narrow = { id: 'web', rules: { ...web.rules, bounds } };
    const resolved = (hours: number) =>
      resolvePolicy(LULL, [layer('ACCOUNT', 2, { autoCloseAfter: duration(`PT${hours}H`) })], narrow, null);
    expect(formatDuration(resolved(1).policy.autoCloseAfter)).toBe('PT2H');
    expect(resolved(1).origins.autoCloseAfter).toEqual({ scope: 'ACCOUNT', version: 2, clamped: true });
    expect(formatDuration(resolved(4).policy.autoCloseAfter)).toBe('PT3H');
    expect(resolved(3).origins.autoCloseAfter).toMatchObject({ clamped: false });
  });

  it("a channel's bounds narrow the profile's and never widen them", () => {
    const bounds = { AUTO_CLOSE: { min: duration('PT1S'), max: duration('PT3H') } };
    const narrowed = boundsOf('autoCloseAfter', LULL, { ...web.rules, bounds });
    expect([formatDuration(narrowed.min), formatDuration(narrowed.max)]).toEqual(['PT1M', 'PT3H']);
  });

  it('names the place of a layer', () => {
    for (const [name, place] of Object.entries(PLACES)) expect(scopeOf(place)).toBe(name);
  });
});

/** What was set, step by step: at an hour, in a place, to on, off or (null) removed; or a profile chosen. */
type Step = [hour: string, place: string, value: boolean | null | undefined];
const OFF = { ...LULL, defaults: { ...LULL.defaults, autoClose: false } };
const history = (steps: Step[]): PolicyChange[] =>
  steps.map(([hour, place, value]) =>
    place === 'PROFILE'
      ? { at: at(hour), profile: value ? LULL : OFF }
      : {
          at: at(hour),
          layer: {
            ...(PLACES[place] as Pick<Layer, 'channelId' | 'skillId'>),
            fields: value === null ? null : value === undefined ? {} : { autoClose: value },
          },
        },
  );

describe('since when a switch is on', () => {
  it.each<[string, Step[], string | null]>([
    ['on from the beginning', [], null],
    [
      'switched on',
      [
        ['08:00', 'ACCOUNT', false],
        ['09:00', 'ACCOUNT', true],
      ],
      '09:00',
    ],
    [
      'switched on twice, the last counts',
      [
        ['07:00', 'ACCOUNT', false],
        ['08:00', 'ACCOUNT', true],
        ['09:00', 'ACCOUNT', false],
        ['10:00', 'ACCOUNT', true],
      ],
      '10:00',
    ],
    [
      'set on where it was on already',
      [
        ['08:00', 'ACCOUNT', true],
        ['09:00', 'SKILL', true],
      ],
      null,
    ],
    [
      'on for the skill while the account was off',
      [
        ['08:00', 'ACCOUNT', false],
        ['09:00', 'SKILL', true],
        ['10:00', 'ACCOUNT', true],
      ],
      '09:00',
    ],
    [
      'on by the account after the skill layer went',
      [
        ['08:00', 'SKILL', false],
        ['09:00', 'SKILL', null],
      ],
      '09:00',
    ],
    [
      'on by the account after the skill no longer sets it',
      [
        ['08:00', 'SKILL', false],
        ['09:00', 'SKILL', undefined],
      ],
      '09:00',
    ],
    [
      'still on when the layer that says so goes',
      [
        ['08:00', 'SKILL', true],
        ['09:00', 'SKILL', null],
      ],
      null,
    ],
    [
      'channel and skill overrule skill',
      [
        ['08:00', 'CHANNEL_AND_SKILL', false],
        ['09:00', 'SKILL', true],
        ['10:00', 'CHANNEL_AND_SKILL', true],
      ],
      '10:00',
    ],
    [
      'skill overrules channel',
      [
        ['08:00', 'SKILL', false],
        ['09:00', 'CHANNEL', true],
        ['10:00', 'SKILL', true],
      ],
      '10:00',
    ],
    [
      'by a profile',
      [
        ['08:00', 'PROFILE', false],
        ['09:00', 'PROFILE', true],
      ],
      '09:00',
    ],
    [
      'a profile changes nothing where a layer says it',
      [
        ['07:00', 'ACCOUNT', true],
        ['08:00', 'PROFILE', false],
        ['09:00', 'PROFILE', true],
      ],
      null,
    ],
  ])('SP-6 %s', (_, steps, since) => {
    const answer = closingSince(history(steps), { skillId: 'sales' });
    expect(answer).toEqual(since === null ? null : at(since));
  });

  it('SP-6 a threshold alone moves nothing', () => {
    const changes: PolicyChange[] = [
      ...history([
        ['08:00', 'ACCOUNT', false],
        ['09:00', 'ACCOUNT', true],
      ]),
      {
        at: at('10:00'),
        layer: {
          channelId: null,
          skillId: null,
          fields: { autoClose: true, autoCloseAfter: duration('PT1H') },
        },
      },
    ];
    expect(closingSince(changes, { skillId: null })).toEqual(at('09:00'));
  });

  it('SP-6 what is set for another skill or channel is none of it', () => {
    const changes = history([
      ['08:00', 'CHANNEL_AND_SKILL', false],
      ['09:00', 'CHANNEL_AND_SKILL', true],
    ]);
    expect(closingSince(changes, { skillId: 'sales' })).toEqual(at('09:00'));
    expect(closingSince(changes, { skillId: 'care' })).toBeNull();
    expect(closingSince(changes, { skillId: null })).toBeNull();
    expect(closingSince(changes, { channelId: 'app', skillId: 'sales' })).toBeNull();
  });

  it('SP-6 SP-4 for a case status it is on since that was picked, while the switch is on', () => {
    const set = (time: string, fields: PolicyFields) => ({
      ...{ at: at(time), layer: { channelId: null, skillId: null, fields } },
    });
    const changes: PolicyChange[] = [
      set('08:00', { autoClose: false, autoCloseCaseStatuses: ['solved'] }),
      set('09:00', { autoClose: true, autoCloseCaseStatuses: ['solved'] }),
      set('10:00', { autoClose: true, autoCloseCaseStatuses: ['solved', 'open'] }),
      set('11:00', { autoClose: true, autoCloseCaseStatuses: null }),
    ];
    const since = (caseStatus: string | null) => closingSince(changes, { skillId: null, caseStatus });
    expect([since('solved'), since('open'), since(null)]).toEqual([at('09:00'), at('10:00'), at('11:00')]);
    expect(
      enabledSince(
        'endInactive',
        { channelId: 'web', skillId: null, caseStatus: 'open' },
        { history: changes, firstProfile: LULL },
      ),
    ).toBeNull();
  });

  it('SP-6 an account that began with a profile that has it off is on only since it says so', () => {
    expect(closingSince(history([['09:00', 'SKILL', true]]), { skillId: 'sales' }, OFF)).toEqual(at('09:00'));
    expect(closingSince(history([['09:00', 'PROFILE', true]]), { skillId: null }, OFF)).toEqual(at('09:00'));
  });
});
