import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalWords } from '../../src/domain/conversation/canonical-words.ts';
import {
  ALL_OPT_OUT_WORDS,
  HELP_WORDS,
  keywordIn,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
} from '../../src/domain/conversation/keyword.ts';
import { cpuMs } from '../support/cpu.ts';

/** A million characters take a tenth of this; where the time grew with the square of the length, they took minutes. */
const LINEAR_MS = 5_000;
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
    ...[
      'Stop.',
      'STOP!',
      '"STOP"',
      '“STOP”',
      '«stop»',
      "'Stop'",
      '¡STOP!',
      'stop…',
      '*STOP*',
      '_stop_',
      '(stop)',
    ],
    ...[
      'OPT  OUT',
      'opt-out',
      'Opt\nout',
      '> STOP',
      '#stop',
      'STOP?!',
      'stop 🛑',
      '🙏🏽STOP👨‍👩‍👧',
      'stop 1️⃣',
      'STOP ™',
    ],
    ...[
      'ＳＴＯＰ',
      '𝐒𝐓𝐎𝐏',
      'ⓢⓣⓞⓟ',
      'S\u200bT\u200bO\u200bP',
      '\ufeffSTOP',
      'ST\u00adOP',
      'STOP\ufe0f',
      '\u202eSTOP\u202c',
    ],
    ...['\u2066STOP\u2069', '\u200fstop', 'STOP\0', 'st\u0001op', 'quıt', 'QUİT', 'unsubscribe\u3164'],
    ...[
      'Stop. Thank you',
      'STOP please',
      'stop thanks',
      'Stop, thanks a lot!!',
      'Thanks. Stop',
      'STOP pls ty 🙏',
    ],
    ...[
      'Stop. Danke!',
      'Stop, bitte',
      'STOP merci',
      "Stop, s'il vous plaît",
      'stop por favor gracias',
      'stop dank u wel',
    ],
  ])(
    'PE-12 case, space, punctuation, quotes, emoji, invisible characters and thanks do not matter: %j',
    (text) => expect(keywordIn(text, sms, 'UNKNOWN')).toBe('OPT_OUT'),
  );

  it.each([
    ...['please stop', 'please stop by tomorrow', "don't stop", 'STOP it', 'STOP STOP', 'S TOP', 'NONSTOP'],
    ...[
      's-t-o-p',
      'stop by, thanks',
      'Thank you',
      'thanks, please',
      'stop 2',
      'STOP xD',
      'unstoppable',
      'bus stop',
    ],
    ...['', '   ', '🛑', '\u200b', '!!!', '\ufeff', '™'],
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

  it.each([
    ['Start!', 'OPT_IN'],
    ['"unstop", thanks', 'OPT_IN'],
    ['Yes please.', 'OPT_IN'],
    ['Ye\u200bs 👍', 'OPT_IN'],
    ['Help?', 'HELP'],
    ['HELP please!', 'HELP'],
    ['ｉｎｆｏ', 'HELP'],
  ])('PE-12 the words of the other lists are read alike: %j', (text, meaning) =>
    expect(keywordIn(text, sms, 'OPTED_OUT')).toBe(meaning),
  );

  it('PE-12 “yes please” says nothing from someone who never opted out', () => {
    expect(keywordIn('Yes, please', sms, 'UNKNOWN')).toBeNull();
  });

  it('PE-12 words of an account are read alike, composed or not', () => {
    const own = [
      'Arrêt',
      'BASTA!',
      'keine Nachrichten',
      'ΤΕΛΟΣ',
      'Schluß',
      'やめる',
      'stop please now',
      '!!!',
    ];
    const read = (text: string) => keywordIn(text, web, 'UNKNOWN', own);
    for (const text of ['arrêt'.normalize('NFD'), 'ARRÊT.', 'basta', 'Keine  Nachrichten…', 'τελος', 'τελοσ'])
      expect(read(text), text).toBe('OPT_OUT');
    for (const text of ['SCHLUSS', 'schluß', 'やめる。', 'Stop please now', 'arrêt merci'])
      expect(read(text), text).toBe('OPT_OUT');
    for (const text of ['arret', 'nachrichten', '!!!', 'stop now', '']) expect(read(text), text).toBeNull();
  });

  const letters = fc.constantFrom(...'abstopSTOPéßñжשあ中１𝐀');
  /** Short ones, which letters drawn at random may spell. */
  const COURTESIES = [
    'ty',
    'thx',
    'tnx',
    'thnx',
    'pls',
    'plz',
    'svp',
    'stp',
    'aub',
    'danke',
    'merci',
    'bitte',
  ];
  const words = fc
    .array(letters, { minLength: 2, maxLength: 10 })
    .map((all) => all.join(''))
    .filter((word) => canonicalWords(word).length > 1 && !COURTESIES.includes(canonicalWords(word)));
  const around = fc
    .array(
      fc.constantFrom(
        ...[
          ' ',
          '\n',
          '\u00a0',
          '.',
          '!',
          '"',
          '”',
          '«',
          '…',
          '-',
          '*',
          '(',
          '👍',
          '🙏🏽',
          '🇩🇪',
          '1️⃣',
          '❤️',
          '™',
        ],
        ...['\u200b', '\u200d', '\ufeff', '\u00ad', '\ufe0f', '\u2066', '\u202e', '\u061c', '\u3164'],
      ),
      { maxLength: 8 },
    )
    .map((all) => all.join(''));
  const invisible = fc.constantFrom('', '', '\u200b', '\u00ad', '\ufeff', '\ufe0e', '\u200e', '\u2069');
  const thanks = fc.constantFrom('', '', '. Thank you', ', thanks!', ' please', '\nDanke', ' – merci');
  const written = fc.constantFrom(
    (text: string) => text,
    (text: string) => text.toUpperCase(),
    (text: string) => text.normalize('NFD'),
    (text: string) => text.normalize('NFKD'),
    (text: string) => text.replace(/[a-z]/gi, (each) => String.fromCodePoint(each.charCodeAt(0) + 0xfee0)),
  );

  it('PE-12 no decoration keeps a word from being one', () => {
    fc.assert(
      fc.property(
        words,
        around,
        around,
        invisible,
        thanks,
        written,
        (word, before, after, within, more, as) => {
          const text = `${before}${[...as(word)].join(within)}${after}${more}`;
          expect(keywordIn(text, { ...web, optOutWords: [word] }, 'UNKNOWN')).toBe('OPT_OUT');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('PE-12 further words make it none, however they are decorated', () => {
    fc.assert(
      fc.property(words, words, around, fc.boolean(), (word, further, between, isFirst) => {
        const both = isFirst ? [further, word] : [word, further];
        const text = both.join(` ${between} `);
        expect(keywordIn(text, { ...web, optOutWords: [word] }, 'UNKNOWN')).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  it('the canonical form of a canonical form is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(canonicalWords(canonicalWords(text))).toBe(canonicalWords(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([' ', '\u200b', 'İ', 'a\u0301', '👍', 'thanks ', '-a', '\u0301', 'ﷺ', '1\u20e3'])(
    'a text of a million characters %j takes time in proportion to its length',
    (piece) => {
      const long = piece.repeat(Math.ceil(1_000_000 / piece.length));
      const began = cpuMs();
      for (const text of [long, `STOP${long}STOP`, `STOP${long}now`])
        expect(keywordIn(text, sms, 'UNKNOWN')).toBeNull();
      expect(cpuMs() - began).toBeLessThan(LINEAR_MS);
    },
  );

  it('opts out where one word is on two lists', () => {
    expect(keywordIn('START', { ...sms, optOutWords: ['START'] }, 'OPTED_OUT')).toBe('OPT_OUT');
  });
});
