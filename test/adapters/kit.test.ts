import { describe, expect, it } from 'vitest';
import * as kit from '../../src/adapters/kit.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';

describe('lull/adapters', () => {
  it('is what adapters are written against: nothing goes without a word in the changelog', () => {
    expect(Object.keys(kit).sort()).toEqual([
      'ALL_OPT_OUT_WORDS',
      'HELP_WORDS',
      'InvalidInputError',
      'OPT_IN_WORDS',
      'PLAIN_OPT_OUT_WORDS',
      'TIMER_KINDS',
      'accepted',
      'adapterContract',
      'asTexted',
      'closingFrom',
      'closingTexts',
      'defineAdapter',
      'destination',
      'duration',
      'fitting',
      'instant',
      'isPassing',
      'isRecent',
      'isSame',
      'isTimersEnd',
      'limited',
      'locale',
      'notNow',
      'parseSettings',
      'pathSegment',
      'post',
      'readBody',
      'readItems',
      'rejected',
      'retry',
      'retryAfterMs',
      'secret',
      'silence',
      'textFor',
      'textOf',
      'unixMilliseconds',
      'unixSeconds',
      'word',
      'wordOrNumber',
      'z',
    ]);
  });

  it('has its errors from the core, which knows them by that', () => {
    expect(kit.InvalidInputError).toBe(InvalidInputError);
  });

  it('makes durations of ISO 8601 texts, and of nothing else', () => {
    expect(kit.duration('PT24H').total('hours')).toBe(24);
    expect(() => kit.duration('a day')).toThrow(kit.InvalidInputError);
  });
});
