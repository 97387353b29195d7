import { describe, expect, it } from 'vitest';
import * as kit from '../../src/adapters/kit.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';

describe('lull/adapters', () => {
  it('exports these names; removing one needs a line in the changelog', () => {
    expect(Object.keys(kit).sort()).toEqual([
      'ALL_OPT_OUT_WORDS',
      'HELP_WORDS',
      'InvalidInputError',
      'OPT_IN_WORDS',
      'PLAIN_OPT_OUT_WORDS',
      'TIMER_KINDS',
      'accepted',
      'adapterContract',
      'closingFrom',
      'closingTextSettings',
      'constantTimeEqual',
      'decodeText',
      'defineAdapter',
      'destination',
      'duration',
      'identifier',
      'identifierOrNumber',
      'instant',
      'isRecent',
      'isRetryable',
      'isTimersEnd',
      'limited',
      'locale',
      'parseSettings',
      'pathSegment',
      'postMessage',
      'readBody',
      'readItems',
      'rejected',
      'retry',
      'retryAfterMs',
      'retryResult',
      'secret',
      'sendText',
      'silence',
      'textClosing',
      'unixMilliseconds',
      'unixSeconds',
      'withinLimit',
      'z',
    ]);
  });

  it('exports the error class of the core, so that instanceof works', () => {
    expect(kit.InvalidInputError).toBe(InvalidInputError);
  });

  it('parses ISO 8601 durations and rejects other texts', () => {
    expect(kit.duration('PT24H').total('hours')).toBe(24);
    expect(() => kit.duration('a day')).toThrow(kit.InvalidInputError);
  });
});
