import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import web from '../../src/adapters/channels/web/adapter.ts';
import { LullError } from '../../src/domain/errors.ts';
import {
  checkPolicyFields,
  formatPolicyFields,
  parsePolicyFields,
} from '../../src/domain/policy/policy-fields.ts';
import { LULL } from '../../src/domain/policy/profiles.ts';

function errorOf(run: () => unknown): Record<string, unknown> {
  try {
    run();
  } catch (error) {
    if (error instanceof LullError) return { ...error };
    throw error;
  }
  throw new Error('nothing was thrown');
}
const check = (fields: Record<string, unknown>, channel = null as typeof web.rules | null) =>
  checkPolicyFields(parsePolicyFields(fields), 'ACCOUNT', LULL, channel);

describe('reading and writing', () => {
  it('LP-10 durations go in and out as ISO 8601, in minutes, hours and days', () => {
    const read = parsePolicyFields({
      autoCloseAfter: 'PT25M',
      inactivateAfter: 'PT120M',
      reopenWithin: 'P4D',
    });
    expect(formatPolicyFields(read)).toEqual({
      autoCloseAfter: 'PT25M',
      inactivateAfter: 'PT2H',
      reopenWithin: 'P4D',
    });
  });

  it('what is written is read back as it was, for every field', () => {
    const all = formatPolicyFields({
      ...LULL.defaults,
      remindBefore: [Temporal.Duration.from('PT30M')],
      autoCloseCaseStatuses: ['solved'],
      overflowSkillId: 'sales',
    });
    expect(formatPolicyFields(parsePolicyFields(all))).toEqual(all);
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
  });

  it('a value is taken as well as its text', () => {
    const value = Temporal.Duration.from({ hours: 2 });
    expect(formatPolicyFields(parsePolicyFields({ autoCloseAfter: value }))).toEqual({
      autoCloseAfter: 'PT2H',
    });
  });

  it('PE-2 reminders are kept in the order they go out, the longest before the close first', () => {
    const read = parsePolicyFields({ remindBefore: ['PT5M', 'PT1H', 'PT30M'] });
    expect(formatPolicyFields(read)).toEqual({ remindBefore: ['PT1H', 'PT30M', 'PT5M'] });
  });

  it.each([
    [{ autoCloseAfter: 'P1M' }, 'autoCloseAfter'],
    [{ autoCloseAfter: '-PT1H' }, 'autoCloseAfter'],
    [{ autoCloseAfter: 'soon' }, 'autoCloseAfter'],
    [{ autoCloseAfter: 90 }, 'autoCloseAfter'],
    [{ autoClose: 'yes' }, 'autoClose'],
    [{ autoClose: null }, 'autoClose'],
    [{ autoCloseStatuses: ['ACTIVE', 'ENDED'] }, 'autoCloseStatuses[1]'],
    [{ autoCloseStatuses: 'ACTIVE' }, 'autoCloseStatuses'],
    [{ autoCloseAwaiting: 'NOBODY' }, 'autoCloseAwaiting'],
    [{ autoCloseCaseStatuses: [''] }, 'autoCloseCaseStatuses[0]'],
    [{ autoCloseThen: 'DELETE' }, 'autoCloseThen'],
    [{ queueTimeoutThen: 'HOLD' }, 'queueTimeoutThen'],
    [{ overflowSkillId: '' }, 'overflowSkillId'],
    [{ remindBefore: ['PT1M', 'PT2M', 'PT3M', 'PT4M'] }, 'remindBefore'],
    [{ remindBefore: ['PT1M', 'P1Y'] }, 'remindBefore[1]'],
    [{ closeAfter: 'PT1H' }, 'closeAfter'],
    [{ toString: 'PT1H' }, 'toString'],
  ])('%j is refused, naming %s and what is allowed', (input, field) => {
    expect(errorOf(() => parsePolicyFields(input))).toMatchObject({
      code: 'INVALID_INPUT',
      field,
      allowed: expect.stringMatching(/./),
    });
  });
});

describe('bounds', () => {
  it.each([
    ['autoCloseAfter', 'PT59.999S', 'PT1M', 'P90D'],
    ['autoCloseAfter', 'P90DT0.001S', 'PT1M', 'P90D'],
    ['inactivateAfter', 'PT0S', 'PT1M', 'P90D'],
    ['endInactiveAfter', 'P91D', 'PT1M', 'P90D'],
    ['endUnansweredAfter', 'P365D', 'PT1M', 'P90D'],
    ['queueTimeoutAfter', 'PT1S', 'PT1M', 'P90D'],
    ['reopenWithin', 'P31D', 'PT0S', 'P30D'],
  ])('LP-5 %s of %s is refused with both bounds', (field, value, min, max) => {
    expect(errorOf(() => check({ [field]: value }))).toEqual(
      expect.objectContaining({ code: 'OUT_OF_BOUNDS', field, min, max }),
    );
  });

  it('LP-5 PE-11 the bounds themselves are allowed', () => {
    check({ autoCloseAfter: 'PT1M', reopenWithin: 'PT0S' });
    check({ autoCloseAfter: 'P90D', reopenWithin: 'P30D' });
  });

  it('LP-5 a reminder keeps to the bounds of what it warns of', () => {
    expect(errorOf(() => check({ remindBefore: ['PT2H', 'PT1S'] }))).toMatchObject({
      code: 'OUT_OF_BOUNDS',
      field: 'remindBefore[1]',
    });
  });

  it("a layer that names a channel keeps to that channel's bounds, too", () => {
    const bounds = {
      AUTO_CLOSE: { min: Temporal.Duration.from('PT5M'), max: Temporal.Duration.from('PT2H') },
    };
    const channel = { ...web.rules, bounds };
    expect(errorOf(() => check({ autoCloseAfter: 'PT3H' }, channel))).toMatchObject({
      min: 'PT5M',
      max: 'PT2H',
    });
    check({ autoCloseAfter: 'PT3H' });
    check({ autoCloseAfter: 'PT2H' }, channel);
  });

  it('SF-2 what the channel has no state for cannot be set there', () => {
    const channel = { ...web.rules, bounds: { INACTIVATE: null } };
    expect(errorOf(() => check({ inactivateAfter: 'PT10M' }, channel))).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'inactivateAfter',
    });
  });

  it('SF-2 nor can it be switched on there', () => {
    const channel = { ...web.rules, bounds: { INACTIVATE: null } };
    expect(errorOf(() => check({ inactivate: true }, channel))).toMatchObject({ field: 'inactivate' });
    check({ inactivate: false }, channel);
  });
});
