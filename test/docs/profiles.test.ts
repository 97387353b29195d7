import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { profilesPage } from '../../scripts/profiles-page.ts';
import { ACTIVITIES } from '../../src/domain/conversation/activity.ts';
import type { PolicyField, Profile } from '../../src/domain/policy/policy.ts';
import { parsePolicyFields } from '../../src/domain/policy/policy-fields.ts';
import { LULL, PROFILES } from '../../src/domain/policy/profiles.ts';
import { parseDuration } from '../../src/domain/time/duration.ts';

const page = profilesPage(Object.values(PROFILES));

it('docs/profiles.md is generated from the profiles (else: npm run generate)', () => {
  expect(readFileSync(new URL('../../docs/profiles.md', import.meta.url), 'utf8')).toBe(page);
});

describe('the page of profiles', () => {
  it('has a row for every setting and every activity, with a column for every profile', () => {
    const columns = Object.keys(PROFILES).length;
    for (const name of [...Object.keys(LULL.defaults), ...ACTIVITIES]) {
      expect(rowsOf(page, name), name).toHaveLength(1);
      expect(rowsOf(page, name)[0], name).toHaveLength(columns);
    }
  });

  it.each(Object.keys(PROFILES))('describes the profile %s in words', (id) => {
    expect(page).toContain(`\n- **${id}** `);
  });
});

describe('a setting shows', () => {
  it('its default in words', () => {
    expect(cell('autoClose', set({ autoClose: true }))).toBe('yes');
    expect(cell('autoClose', set({ autoClose: false }))).toBe('no');
    expect(cell('autoCloseStatuses', set({ autoCloseStatuses: ['NEW', 'ACTIVE'] }))).toBe('NEW, ACTIVE');
    expect(cell('autoCloseStatuses', set({ autoCloseStatuses: [] }))).toBe('none');
    expect(cell('remindBefore', set({ remindBefore: ['P1D', 'PT90M'] }))).toBe('1 day, 1 h 30 min');
    expect(cell('autoCloseCaseStatuses', set({ autoCloseCaseStatuses: null }))).toBe('–');
  });

  it('its bounds if it is a duration', () => {
    const own = set({ autoCloseAfter: 'PT2H' });
    expect(cell('autoCloseAfter', { ...own, ...bounded('PT25M', 'P90D') })).toBe('2 h (25 min to 90 days)');
  });

  it('"fixed" if the profile fixes it or its bounds leave no choice', () => {
    const own = set({ autoCloseAfter: 'PT2H' });
    expect(cell('autoCloseAfter', { ...own, fixed: ['autoCloseAfter'] })).toBe('2 h, fixed');
    expect(cell('autoCloseAfter', { ...own, ...bounded('PT2H', 'PT120M') })).toBe('2 h, fixed');
    expect(cell('autoClose', { ...own, fixed: ['autoClose'] })).toBe('yes, fixed');
  });

  it('the scopes in which it can be set if they are limited', () => {
    const scopes: Profile['scopes'] = {
      autoClose: ['CHANNEL'],
      autoCloseAfter: ['SKILL', 'CHANNEL_AND_SKILL'],
    };
    const own = { ...set({ autoCloseAfter: 'PT2H' }), ...bounded('PT1H', 'P1D'), scopes };
    expect(cell('autoClose', own)).toBe('yes; channel only');
    expect(cell('autoCloseAfter', own)).toBe('2 h (1 h to 1 day); skill, channel and skill only');
  });
});

it('the page marks the activities that restart the clock by default, and the two messages that always do', () => {
  const own = profilesPage([{ ...LULL, ...set({ resetOn: ['TAG'] }) }]);
  const moving = ACTIVITIES.filter((activity) => rowsOf(own, activity)[0]?.[0] === 'yes');
  expect(moving).toEqual(['CONSUMER_MESSAGE', 'AGENT_MESSAGE', 'TAG']);
});

it('the page names settings that exclude each other, with their profile', () => {
  const excludes: Profile['excludes'] = [['inactivate', 'statusBasedCapacity']];
  expect(profilesPage([{ ...LULL, excludes }])).toContain(
    '\n- LULL: `inactivate` and `statusBasedCapacity`\n',
  );
  expect(profilesPage([{ ...LULL, excludes: [] }])).toContain('Any two settings can be combined.');
});

it('the page shows after how long protection starts, or a dash if there is none', () => {
  const protecting = (protectAfter: Profile['protectAfter']) => profilesPage([{ ...LULL, protectAfter }]);
  expect(protecting(parseDuration('P90D', 'it'))).toContain('\n| protection after | 90 days |\n');
  expect(protecting(null)).toContain('\n| protection after | – |\n');
});

/** The cells by profile of the rows of that name. */
function rowsOf(page: string, name: string): string[][] {
  const rows = page.split('\n').filter((line) => line.startsWith(`| \`${name}\` |`));
  return rows.map((line) => line.slice(2, -2).split(' | ').slice(1));
}

/** How the page of one profile, LULL except for `own`, shows a setting. */
function cell(field: PolicyField, own: Partial<Profile>): string | undefined {
  return rowsOf(profilesPage([{ ...LULL, fixed: [], scopes: {}, ...own }]), field)[0]?.[0];
}

function set(fields: Record<string, unknown>): Pick<Profile, 'defaults'> {
  return { defaults: { ...LULL.defaults, ...parsePolicyFields(fields) } };
}

function bounded(min: string, max: string): Pick<Profile, 'bounds'> {
  const autoCloseAfter = { min: parseDuration(min, 'min'), max: parseDuration(max, 'max') };
  return { bounds: { ...LULL.bounds, autoCloseAfter } };
}
