import { describe, expect, it } from 'vitest';
import {
  type ClosingProposal,
  closingFrom,
  END_REASONS,
  isTimersEnd,
  silence,
} from '../../src/domain/closing.ts';

const everything: ClosingProposal = {
  survey: [true, 'asked for'],
  closeMessage: ['Goodbye', 'set'],
  separator: [true, 'drawn'],
};
const plain = { endReason: 'COMMAND', consent: 'UNKNOWN', windowOpen: true } as const;

describe('closingFrom', () => {
  it('LL-14 shows what the adapter proposes, each part with its reason', () => {
    expect(closingFrom(plain, everything)).toEqual({
      survey: true,
      closeMessage: 'Goodbye',
      separator: true,
      reasons: { survey: 'asked for', closeMessage: 'set', separator: 'drawn' },
    });
  });

  it.each(END_REASONS)('LL-14 shows nothing to who opted out, and says so, after %s', (endReason) => {
    const closing = closingFrom({ ...plain, endReason, consent: 'OPTED_OUT' }, everything);
    expect(closing).toEqual({
      survey: false,
      closeMessage: null,
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
      separator: true,
      reasons: {
        survey: 'the reply window is closed',
        closeMessage: 'the reply window is closed',
        separator: 'drawn',
      },
    });
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
