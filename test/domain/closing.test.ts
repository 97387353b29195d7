import { describe, expect, it } from 'vitest';
import {
  type ClosingProposal,
  closeMessageFor,
  closingFrom,
  END_REASONS,
  isTimersEnd,
  silence,
} from '../../src/domain/closing/closing.ts';

const everything: ClosingProposal = {
  survey: [true, 'asked for'],
  closeMessage: ['Goodbye', 'set'],
  separator: [true, 'drawn'],
};
const plain = { endReason: 'COMMAND', consent: 'UNKNOWN', windowOpen: true } as const;

describe('closeMessageFor', () => {
  const messages = [
    { locale: null, text: 'Goodbye' },
    { locale: 'pt', text: 'Adeus' },
    { locale: 'pt-BR', text: 'Tchau' },
  ];
  it.each([
    ['pt-BR', 'Tchau'],
    ['pt-br', 'Tchau'],
    ['pt-PT', 'Adeus'],
    ['de-DE', 'Goodbye'],
    [null, 'Goodbye'],
  ])('PE-3 a customer with locale %s is told %s', (locale, text) => {
    expect(closeMessageFor(messages, locale)).toBe(text);
  });

  it('PE-3 where no message fits, the channel says what it says', () => {
    expect(closeMessageFor(messages.slice(1), 'de')).toBeNull();
    expect(closeMessageFor(messages.slice(1), null)).toBeNull();
    expect(closeMessageFor([], 'pt')).toBeNull();
  });
});

describe('closingFrom', () => {
  it('LL-14 shows what the adapter proposes, each part with its reason', () => {
    expect(closingFrom(plain, everything)).toEqual({
      survey: true,
      closeMessage: 'Goodbye',
      template: null,
      separator: true,
      reasons: { survey: 'asked for', closeMessage: 'set', separator: 'drawn' },
    });
  });

  it.each(END_REASONS)('LL-14 shows nothing to who opted out, and says so, after %s', (endReason) => {
    const closing = closingFrom({ ...plain, endReason, consent: 'OPTED_OUT' }, everything);
    expect(closing).toEqual({
      survey: false,
      closeMessage: null,
      template: null,
      separator: false,
      reasons: {
        survey: 'the customer opted out',
        closeMessage: 'the customer opted out',
        separator: 'the customer opted out',
      },
    });
  });

  it('LL-14 shows nothing after an opt-out even before the consent is updated', () => {
    const closing = closingFrom({ ...plain, endReason: 'OPT_OUT' }, everything);
    expect(closing).toEqual(closingFrom({ ...plain, consent: 'OPTED_OUT' }, everything));
  });

  it.each([
    ['UNANSWERED', 'the customer never wrote'],
    ['NOTIFICATION', 'it was a notification only'],
    ['SUPERSEDED', 'it goes on in a new conversation'],
  ] as const)('LL-14 has nothing to close after %s', (endReason, why) => {
    const closing = closingFrom({ ...plain, endReason }, everything);
    expect([closing.survey, closing.closeMessage, closing.separator]).toEqual([false, null, false]);
    expect(closing.reasons).toEqual({ survey: why, closeMessage: why, separator: why });
  });

  it('PE-4 outside the reply window nothing is sent; the separator, drawn by the client, stays', () => {
    expect(closingFrom({ ...plain, windowOpen: false }, everything)).toEqual({
      survey: false,
      closeMessage: null,
      template: null,
      separator: true,
      reasons: {
        survey: 'the reply window is closed',
        closeMessage: 'the reply window is closed',
        separator: 'drawn',
      },
    });
  });

  it('PE-4 outside the reply window a template stands in for the message, where there is one', () => {
    const proposal = { ...everything, template: 'goodbye' };
    expect(closingFrom({ ...plain, windowOpen: false }, proposal)).toMatchObject({
      closeMessage: null,
      template: 'goodbye',
      reasons: { closeMessage: 'the reply window is closed: the template goes out instead' },
    });
    expect(closingFrom(plain, proposal)).toMatchObject({ closeMessage: 'Goodbye', template: null });
    const optedOut = closingFrom({ ...plain, windowOpen: false, consent: 'OPTED_OUT' }, proposal);
    expect(optedOut).toMatchObject({ closeMessage: null, template: null });
  });

  it('PE-4 what was not to be sent anyway keeps the reason of the adapter', () => {
    const closing = closingFrom({ ...plain, windowOpen: false }, silence('silent here'));
    expect(closing.reasons).toEqual({
      survey: 'silent here',
      closeMessage: 'silent here',
      separator: 'silent here',
    });
  });
});

it('LL-2 tells the ends that a timer made from all others', () => {
  expect(END_REASONS.filter(isTimersEnd)).toEqual([
    'AUTO_CLOSE',
    'UNANSWERED',
    'PROTECTION',
    'INACTIVE',
    'QUEUE_TIMEOUT',
  ]);
});
