import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { InvalidInputError, OutOfBoundsError } from '../../src/domain/errors.ts';
import {
  checkBounds,
  describeDuration,
  formatDuration,
  fromMilliseconds,
  parseDuration,
  toMilliseconds,
} from '../../src/domain/time/duration.ts';

/** The error that a call raises. */
function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('PE-1 durations are ISO 8601', () => {
  test.each([
    ['P90D', 7_776_000_000, 'P90D'],
    ['PT25M', 1_500_000, 'PT25M'],
    ['P1W', 604_800_000, 'P7D'],
    ['P1W2DT3H', 788_400_000, 'P9DT3H'],
    ['PT24H', 86_400_000, 'P1D'],
    ['PT90M', 5_400_000, 'PT1H30M'],
    ['PT1.5H', 5_400_000, 'PT1H30M'],
    ['PT3600S', 3_600_000, 'PT1H'],
    ['PT0.5S', 500, 'PT0.5S'],
    ['PT0S', 0, 'PT0S'],
    ['P0D', 0, 'PT0S'],
    ['P3650D', 315_360_000_000, 'P3650D'],
  ])('%s lasts %i ms and is written %s', (text, ms, canonical) => {
    const duration = parseDuration(text, 'after');
    expect(toMilliseconds(duration)).toBe(ms);
    expect(formatDuration(duration)).toBe(canonical);
  });

  test.each([
    ['depends on the calendar', ['P1M', 'P1Y', 'P1Y2M', 'P1M1D']],
    ['is negative', ['-P1D', '-PT25M', 'P-1D', '-PT0.001S']],
    ['is empty', ['', 'P', 'PT', 'P1DT', ' ']],
    [
      'is no duration',
      ['90', '90 days', 'D90', 'P90', 'P1D2H', 'PT1D', 'P1.5D', ' P1D', 'P1D ', 'NaN', 'PTxM'],
    ],
    ['is not in whole milliseconds', ['PT0.0005S', 'PT0.000000001S', 'PT1.0001S']],
    ['is over 3650 days', ['P3650DT0.001S', 'P3651D', 'P522W', 'PT99999999H', `P${'9'.repeat(400)}D`]],
  ])('what %s is refused', (_why, texts) => {
    for (const text of texts) {
      const error = errorOf(() => parseDuration(text, 'autoClose.after'));
      expect(error, text).toBeInstanceOf(InvalidInputError);
      expect(error, text).toMatchObject({
        code: 'INVALID_INPUT',
        field: 'autoClose.after',
        allowed: expect.stringContaining('P90D'),
      });
    }
  });

  test('what was formatted is read back the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 315_360_000_000 }), (ms) => {
        const text = formatDuration(fromMilliseconds(ms));
        expect(toMilliseconds(parseDuration(text, 'after'))).toBe(ms);
        expect(formatDuration(parseDuration(text, 'after'))).toBe(text);
      }),
    );
  });

  test('equally long durations are written alike', () => {
    const written = [{ weeks: 1 }, { days: 7 }, { hours: 168 }, { days: 6, minutes: 1440 }].map((parts) =>
      formatDuration(Temporal.Duration.from(parts)),
    );
    expect(written).toEqual(['P7D', 'P7D', 'P7D', 'P7D']);
  });

  test('years and months have no length', () => {
    expect(() => toMilliseconds(Temporal.Duration.from('P1M'))).toThrow(RangeError);
    expect(() => toMilliseconds(Temporal.Duration.from('P1Y'))).toThrow(RangeError);
  });
});

test.each([
  ['PT0S', '0 s'],
  ['PT0.5S', '0.5 s'],
  ['PT25M', '25 min'],
  ['PT2H', '2 h'],
  ['PT90M', '1 h 30 min'],
  ['PT24H', '1 day'],
  ['P90D', '90 days'],
  ['P4DT1H0.25S', '4 days 1 h 0.25 s'],
])('LP-10 %s is described as %s', (text, words) => {
  expect(describeDuration(parseDuration(text, 'after'))).toBe(words);
});

describe('LP-10 bounds', () => {
  const bounds = { min: Temporal.Duration.from('PT25M'), max: Temporal.Duration.from('P90D') };
  const check = (text: string) => checkBounds(Temporal.Duration.from(text), bounds, 'autoClose.after');

  test('are allowed themselves', () => {
    for (const text of ['PT25M', 'PT25M0.001S', 'PT24H', 'P90D']) expect(() => check(text)).not.toThrow();
  });

  test('outside of them the error says what is allowed', () => {
    for (const text of ['PT24M59.999S', 'P90DT0.001S', 'PT0S']) {
      const error = errorOf(() => check(text));
      expect(error).toBeInstanceOf(OutOfBoundsError);
      expect(error).toMatchObject({ field: 'autoClose.after', min: 'PT25M', max: 'P90D' });
    }
  });
});
