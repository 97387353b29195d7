import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, rulesWith } from '../support/domain.ts';
import { letTimeRun, NOTHING, type Told, tell } from '../support/story.ts';

const INBOUND: Action = { kind: 'INBOUND' };
const FROM_ANN: Action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: 'ann' };
const HOLD: Action = { kind: 'HOLD', until: null };
const RELEASE: Action = { kind: 'RELEASE' };

/** Each thing told as it happened. */
const inTime = (all: readonly (readonly [string, Action])[], rules = rulesWith()) =>
  all.reduce((story, [time, action]) => tell(story, { action, sent: at(time) }, at(time), rules), NOTHING);

describe('PE-6 LL-2 no clock goes back behind a release that was told late', () => {
  /** A conversation that Ann began and put on hold; it is NEW as long as nobody answers. */
  const begun = (...more: [string, Action][]) =>
    inTime([['12:00', { kind: 'START', by: 'AGENT' }], ['12:10', HOLD], ...more]);
  const late: Told = { action: RELEASE, sent: at('12:15') };
  const anew = { awaiting: 'CONSUMER', awaitingSince: at('14:00'), lastActivityAt: at('14:00'), held: false };

  it('by the release of a later hold, told before it', () => {
    const story = begun(['12:20', RELEASE], ['12:22', HOLD], ['12:30', RELEASE]);
    expect(story.conversation).toMatchObject({ status: 'NEW', awaitingSince: at('12:30') });
    expect(tell(story, late, at('14:00')).conversation).toMatchObject({
      ...{ ...anew, status: 'NEW', statusSince: at('14:00') },
    });
  });

  it('by a reopening by hand; but it has had its status since then', () => {
    const story = begun(['12:20', { kind: 'END', by: 'AGENT' }], ['12:30', { kind: 'REOPEN' }]);
    expect(story.conversation).toMatchObject({ status: 'WAITING', awaitingSince: at('12:30') });
    expect(tell(story, late, at('14:00')).conversation).toMatchObject({
      ...{ ...anew, status: 'WAITING', statusSince: at('12:30') },
    });
  });

  it('PE-2 nor do the reminders, which begin anew with it', () => {
    const rules = rulesWith({ autoCloseAfter: 'PT3H', remindBefore: ['PT2H'] });
    const holds = [HOLD, RELEASE, HOLD, RELEASE].map(
      (action, index) => [`12:1${index * 3}`, action] as const,
    );
    const story = inTime([['12:00', INBOUND], ['12:05', FROM_ANN], ...holds], rules);
    const reminded = letTimeRun(story, at('13:45'), rules);
    expect(reminded.conversation).toMatchObject({ stage: 1, lastActivityAt: at('12:19') });
    const between: Told = { action: RELEASE, sent: at('12:12') };
    expect(tell(reminded, between, at('14:00'), rules).conversation).toMatchObject({
      ...{ stage: 0, lastActivityAt: at('14:00'), awaitingSince: at('14:00') },
    });
  });
});

it('PE-6 LL-2 no clock goes back behind an end that was told late, by a reopening by hand', () => {
  const story = inTime([
    ['12:00', INBOUND],
    ['12:20', { kind: 'END', by: 'AGENT' }],
    ['12:30', { kind: 'REOPEN' }],
  ]);
  expect(story.conversation?.statusSince).toEqual(at('12:30'));
  const late: Told = { action: { kind: 'END', by: 'CUSTOMER' }, sent: at('12:10') };
  expect(tell(story, late, at('14:00')).conversation).toMatchObject({
    ...{ status: 'WAITING', ending: null, statusSince: at('14:00'), revision: 4 },
  });
});
