import { describe, expect, it } from 'vitest';
import {
  ALL_OPT_OUT_WORDS,
  HELP_WORDS,
  keywordIn,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
} from '../../src/domain/keyword.ts';

const sms = { optOutWords: ALL_OPT_OUT_WORDS, optInWords: OPT_IN_WORDS, helpWords: HELP_WORDS };
const web = { ...sms, optOutWords: PLAIN_OPT_OUT_WORDS };

describe('keywordIn', () => {
  it.each(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'OPT OUT'])(
    'PE-12 %s opts out where the full list holds, also from someone who opted out before',
    (word) => {
      expect(keywordIn(word, sms, 'UNKNOWN')).toBe('OPT_OUT');
      expect(keywordIn(word, sms, 'OPTED_IN')).toBe('OPT_OUT');
      expect(keywordIn(word, sms, 'OPTED_OUT')).toBe('OPT_OUT');
    },
  );

  it.each(['stop', 'Stop', ' sToP ', '\tSTOP\n', '\u00a0opt out\u3000', 'unsubscribe\r\n'])(
    'PE-12 any case counts and surrounding space does not: %j',
    (text) => expect(keywordIn(text, sms, 'UNKNOWN')).toBe('OPT_OUT'),
  );

  it.each([
    'please stop',
    'STOP it',
    'STOP.',
    'STOP STOP',
    'S TOP',
    'NONSTOP',
    'OPT  OUT',
    '“STOP”',
    '',
    '   ',
  ])('PE-12 only a whole message is a keyword: %j is none', (text) =>
    expect(keywordIn(text, sms, 'UNKNOWN')).toBeNull(),
  );

  it('PE-12 elsewhere only STOP and UNSUBSCRIBE opt out', () => {
    const opts = ALL_OPT_OUT_WORDS.filter((word) => keywordIn(word, web, 'UNKNOWN') === 'OPT_OUT');
    expect(opts).toEqual(['STOP', 'UNSUBSCRIBE']);
  });

  it('PE-12 a channel may set more words', () => {
    const strict = { ...web, optOutWords: [...PLAIN_OPT_OUT_WORDS, 'Arrêt'] };
    expect(keywordIn('ARRÊT', strict, 'UNKNOWN')).toBe('OPT_OUT');
    expect(keywordIn('ARRÊT', web, 'UNKNOWN')).toBeNull();
  });

  it.each(['START', 'unstop', ' Start '])('PE-12 %j opts back in', (text) => {
    expect(keywordIn(text, web, 'OPTED_OUT')).toBe('OPT_IN');
    expect(keywordIn(text, web, 'UNKNOWN')).toBe('OPT_IN');
  });

  it('PE-12 YES counts from someone who opted out, and from nobody else', () => {
    expect(keywordIn('yes', sms, 'OPTED_OUT')).toBe('OPT_IN');
    expect(keywordIn('yes', sms, 'OPTED_IN')).toBeNull();
    expect(keywordIn('yes', sms, 'UNKNOWN')).toBeNull();
  });

  it.each(['HELP', 'info'])('PE-12 %s asks for help and is no opt-out', (word) => {
    expect(keywordIn(word, sms, 'UNKNOWN')).toBe('HELP');
    expect(keywordIn(word, sms, 'OPTED_OUT')).toBe('HELP');
  });

  it('opts out where one word is on two lists', () => {
    expect(keywordIn('START', { ...sms, optOutWords: ['START'] }, 'OPTED_OUT')).toBe('OPT_OUT');
  });
});
