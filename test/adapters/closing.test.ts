import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import inApp from '../../src/adapters/channels/in-app/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import type { ClosingContext } from '../../src/domain/closing/closing.ts';
import { OWN, STANDARD } from './samples.ts';

type Shown = { showSurvey: boolean; showCloseMessage: boolean };
const BOTH: Shown = { showSurvey: true, showCloseMessage: true };
const NEITHER: Shown = { showSurvey: false, showCloseMessage: false };
const AUTO = { endReason: 'AUTO_CLOSE', endedBy: 'SYSTEM' } as const;

/** What the customer sees: survey, close message, separator. */
function seen(
  adapter: Adapter,
  shown: Shown,
  context: Pick<ClosingContext<unknown>, 'endReason' | 'endedBy'> & { clientVersion?: string | null },
) {
  const settings = parseSettings(adapter, { ...(adapter === byoc ? STANDARD : OWN), ...shown });
  const closing = adapter.closing({
    clientVersion: null,
    consent: 'UNKNOWN',
    windowOpen: true,
    closeMessage: null,
    ...context,
    settings,
  });
  return [closing.survey, closing.closeMessage, closing.separator];
}
const NOTHING = [false, null, false];

describe('an automatic close', () => {
  it('LP-2 is silent on the web, whatever the client is configured to show', () => {
    expect(seen(web, BOTH, AUTO)).toEqual(NOTHING);
    expect(seen(web, BOTH, { ...AUTO, clientVersion: '1.0' })).toEqual(NOTHING);
  });

  it.each(['2.1', '2.1.0', 'v2.1', '2.1-beta', '2.10', '3', '3.0.1', '10.0'])(
    'LP-2 is silent in an app with SDK %s',
    (clientVersion) => expect(seen(inApp, BOTH, { ...AUTO, clientVersion })).toEqual(NOTHING),
  );

  it.each(['2.0', '2.0.9', '2', '1.9', '0.21', 'unknown', '21x', '', null])(
    'LP-9 shows survey and close message in an app with SDK %s',
    (clientVersion) =>
      expect(seen(inApp, BOTH, { ...AUTO, clientVersion })).toEqual([
        true,
        'Conversation resolved by you',
        true,
      ]),
  );

  it('LP-9 an older SDK shows only the parts that it is configured to show', () => {
    const old = { ...AUTO, clientVersion: '2.0' };
    expect(seen(inApp, { ...NEITHER, showSurvey: true }, old)).toEqual([true, null, true]);
    expect(seen(inApp, { ...NEITHER, showCloseMessage: true }, old)).toEqual([
      false,
      'Conversation resolved by you',
      true,
    ]);
    expect(seen(inApp, NEITHER, old)).toEqual([false, null, true]);
  });

  it.each(['PROTECTION', 'INACTIVE', 'QUEUE_TIMEOUT'] as const)(
    'LP-2 the same applies after the timer %s',
    (endReason) => {
      const context = { endReason, endedBy: 'SYSTEM' } as const;
      expect(seen(web, BOTH, context)).toEqual(NOTHING);
      expect(seen(inApp, BOTH, { ...context, clientVersion: '2.1' })).toEqual(NOTHING);
      expect(seen(inApp, BOTH, { ...context, clientVersion: '2.0' })[0]).toBe(true);
    },
  );

  it('byoc shows the parts that its client is configured to show', () => {
    expect(seen(byoc, BOTH, AUTO)).toEqual([true, 'Conversation resolved by you', false]);
    expect(seen(byoc, NEITHER, AUTO)).toEqual(NOTHING);
  });
});

describe.each([web, inApp])('an end by command on $id', (adapter) => {
  it.each(['AGENT', 'SUPERVISOR', 'BOT'] as const)(
    'LL-14 shows what is configured when ended by %s',
    (endedBy) => {
      const context = { endReason: 'COMMAND', endedBy, clientVersion: '2.1' } as const;
      expect(seen(adapter, BOTH, context)).toEqual([true, 'Conversation resolved', true]);
      expect(seen(adapter, NEITHER, context)).toEqual([false, null, true]);
    },
  );

  it('LL-14 shows another text to a customer who ended the conversation', () => {
    const context = { endReason: 'COMMAND', endedBy: 'CUSTOMER' } as const;
    expect(seen(adapter, BOTH, context)[1]).toBe('Conversation resolved by you');
  });
});

it('LL-14 gives the reason for every part, shown or not', () => {
  const context = { consent: 'UNKNOWN', windowOpen: true, closeMessage: null } as const;
  const reasons = (adapter: Adapter, shown: Shown, clientVersion: string) =>
    adapter.closing({
      ...context,
      ...AUTO,
      clientVersion,
      settings: parseSettings(adapter, { ...OWN, ...shown }),
    }).reasons;
  expect(reasons(inApp, BOTH, '2.1').survey).toBe('an automatic close is silent from SDK 2.1 on');
  expect(reasons(inApp, { ...NEITHER, showSurvey: true }, '2.0')).toEqual({
    survey: 'the client is configured to show it',
    closeMessage: 'the client is configured not to show it',
    separator: 'the client draws a separator',
  });
});
