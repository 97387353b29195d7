import { describe, expect, it } from 'vitest';
import { rulesFor } from '../../src/adapters/adapter.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import appleMessages from '../../src/adapters/channels/apple-messages/adapter.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import byocInteraction from '../../src/adapters/channels/byoc-interaction/adapter.ts';
import chatwoot from '../../src/adapters/channels/chatwoot/adapter.ts';
import inApp from '../../src/adapters/channels/in-app/adapter.ts';
import line from '../../src/adapters/channels/line/adapter.ts';
import messenger from '../../src/adapters/channels/messenger/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { formatDuration } from '../../src/domain/time/duration.ts';
import { SMS } from './samples/twilio.ts';
import { STANDARD } from './samples.ts';

describe('a customer inactivity timeout', () => {
  const having = [web, inApp, byoc, byocInteraction];

  it('SF-2 exists only in apps, on the web and on byoc channels', () => {
    expect(BUILT_IN.filter(({ rules }) => rules.bounds.INACTIVATE !== null)).toEqual(having);
  });
});

describe.each([
  [sms, SMS],
  [messenger, STANDARD],
])('the tiers of $id', (adapter, settings) => {
  const rules = (change: object) => rulesFor(adapter, parseSettings(adapter, { ...settings, ...change }));

  it('SF-1 the default tier is enhanced', () => {
    expect(rules({})).toBe(adapter.rules);
    expect(rules({ tier: 'enhanced' })).toEqual(adapter.rules);
    expect(rules({}).sessions).toEqual({ tier: 'ENHANCED', agentInitiated: true });
    expect(rules({}).bounds).toEqual({ INACTIVATE: null });
  });

  it('SF-9 the standard tier has no INACTIVE sessions and ends unanswered ones within 24 h', () => {
    const { bounds, sessions, ...rest } = rules({ tier: 'standard' });
    expect(sessions).toEqual({ tier: 'STANDARD', agentInitiated: true });
    expect(bounds).toMatchObject({ INACTIVATE: null, END_INACTIVE: null });
    const { min, max } = bounds.END_UNANSWERED ?? {};
    expect([min, max].map((bound) => bound && formatDuration(bound))).toEqual(['PT1M', 'P1D']);
    const { bounds: _bounds, sessions: _sessions, ...same } = adapter.rules;
    expect(rest).toEqual(same);
  });

  it('rejects an unknown tier', () => {
    expect(() => rules({ tier: 'premium' })).toThrow(expect.objectContaining({ field: 'settings.tier' }));
  });
});

it('PE-4 Messenger has a reply window of 24 hours, LINE and Chatwoot have none', () => {
  const { replyWindow } = messenger.rules;
  expect(replyWindow && formatDuration(replyWindow)).toBe('P1D');
  expect([line.rules.replyWindow, chatwoot.rules.replyWindow]).toEqual([null, null]);
});

it('SF-9 on Apple Messages only the customer starts a session, also after an INACTIVE one', () => {
  expect(appleMessages.rules).toMatchObject({ businessInitiated: false, newSessionOnAgentMessage: false });
});

it('PE-12 END opts out only on channels where carriers require it', () => {
  const stopping = BUILT_IN.filter(({ rules }) => rules.optOutWords.includes('END')).map(({ id }) => id);
  expect(stopping).toEqual(['whatsapp', 'sms', 'twilio-conversations']);
});

it('LL-14 each own-wire channel applies its own text limit', () => {
  const closeMessage = 'x'.repeat(2001);
  const shown = [messenger, line].map((adapter) => {
    const settings = parseSettings(adapter, { ...STANDARD, showCloseMessage: true });
    return adapter.closing({
      ...{ endReason: 'COMMAND', endedBy: 'AGENT', clientVersion: null },
      ...{ consent: 'UNKNOWN', windowOpen: true, closeMessage, settings },
    });
  });
  expect(shown.map((closing) => closing.closeMessage)).toEqual([null, closeMessage]);
  expect(shown[0]?.reasons.closeMessage).toBe(
    "the text is longer than the channel's limit of 2000 characters",
  );
});
