import { describe, expect, it } from 'vitest';
import { rulesFor } from '../../src/adapters/adapter.ts';
import whatsapp from '../../src/adapters/channels/whatsapp/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import type { Consent, EndReason } from '../../src/domain/closing/closing.ts';
import { keywordIn } from '../../src/domain/conversation/keyword.ts';
import { formatDuration } from '../../src/domain/time/duration.ts';
import { goodbyeTo, openProvider, partTo, templateTo } from './provider.ts';
import { WHATSAPP } from './samples/whatsapp.ts';

describe('the closing', () => {
  const close = (
    context: { windowOpen?: boolean; consent?: Consent; endReason?: EndReason; closeMessage?: string },
    settings: object = WHATSAPP,
  ) =>
    whatsapp.closing({
      ...{ endReason: 'AUTO_CLOSE', endedBy: 'SYSTEM', clientVersion: null, consent: 'UNKNOWN' },
      ...{ windowOpen: true, closeMessage: null },
      ...context,
      settings: parseSettings(whatsapp, settings),
    });
  const closed = 'the reply window is closed';
  const line = 'the channel has no separators';

  it('PE-4 inside the reply window the text is sent, and no template', () => {
    expect(close({})).toEqual({
      survey: true,
      closeMessage: WHATSAPP.closeMessage,
      template: null,
      separator: false,
      reasons: {
        survey: 'the channel has a survey text',
        closeMessage: 'the channel has a close message',
        separator: line,
      },
    });
  });

  it('PE-4 LL-14 outside the reply window the template is sent instead', () => {
    expect(close({ windowOpen: false })).toEqual({
      survey: false,
      closeMessage: null,
      template: 'conversation_closed',
      separator: false,
      reasons: {
        survey: closed,
        closeMessage: `${closed}: the template goes out instead`,
        separator: line,
      },
    });
  });

  it('PE-4 LL-14 outside the reply window nothing is sent without a template, and the reason says so', () => {
    expect(close({ windowOpen: false }, { ...WHATSAPP, closeTemplate: undefined })).toMatchObject({
      ...{ survey: false, closeMessage: null, template: null },
      reasons: { survey: closed, closeMessage: closed, separator: line },
    });
  });

  it('PE-3 the close message of the policy precedes that of the channel', () => {
    expect(close({ closeMessage: 'Tschüs' })).toMatchObject({
      closeMessage: 'Tschüs',
      reasons: { closeMessage: 'the policy has a close message' },
    });
  });

  it('LL-14 without any text nothing is sent, and the reason says so', () => {
    const bare = { ...WHATSAPP, closeMessage: undefined, surveyText: undefined };
    expect(close({}, bare)).toMatchObject({
      ...{ survey: false, closeMessage: null, template: null },
      reasons: {
        survey: 'the channel has no survey text',
        closeMessage: 'neither the policy nor the channel has a close message',
      },
    });
  });

  it('LL-14 a text over the limit is not sent, and the reason says so', () => {
    expect(close({ closeMessage: 'x'.repeat(4097) })).toMatchObject({
      closeMessage: null,
      reasons: { closeMessage: "the text is longer than the channel's limit of 4096 characters" },
    });
  });

  it.each([true, false])(
    'SF-11 after STOP nothing is sent, not even a template (window open: %s)',
    (windowOpen) => {
      const reason = 'the customer opted out';
      expect(close({ windowOpen, consent: 'OPTED_OUT', endReason: 'OPT_OUT' })).toEqual({
        ...{ survey: false, closeMessage: null, template: null, separator: false },
        reasons: { survey: reason, closeMessage: reason, separator: reason },
      });
    },
  );
});

describe('the rules', () => {
  const bounds = (settings: object) =>
    Object.fromEntries(
      Object.entries(rulesFor(whatsapp, parseSettings(whatsapp, settings)).bounds).map(([kind, set]) => [
        kind,
        set && [formatDuration(set.min), formatDuration(set.max)],
      ]),
    );

  it('SF-2 an enhanced channel, the default, has no inactivity timeout', () => {
    expect(bounds(WHATSAPP)).toEqual({ INACTIVATE: null });
    expect(rulesFor(whatsapp, parseSettings(whatsapp, WHATSAPP)).sessions?.tier).toBe('ENHANCED');
  });

  it('SF-1 SF-9 a standard channel only ends unanswered sessions, within 24 h', () => {
    const settings = { ...WHATSAPP, tier: 'standard' };
    expect(bounds(settings)).toEqual({
      INACTIVATE: null,
      END_INACTIVE: null,
      END_UNANSWERED: ['PT1M', 'P1D'],
    });
    expect(rulesFor(whatsapp, parseSettings(whatsapp, settings)).sessions?.tier).toBe('STANDARD');
  });

  it('PE-12 every word of the full list opts out', () => {
    const words = [
      'stop',
      'StopAll',
      ' unsubscribe ',
      'CANCEL',
      'end',
      'quit',
      'revoke',
      'optout',
      'opt out',
    ];
    expect(words.map((word) => keywordIn(word, whatsapp.rules, 'UNKNOWN'))).toEqual(
      words.map(() => 'OPT_OUT'),
    );
  });
});

describe('sending', () => {
  const provider = openProvider();
  const send = (message: ReturnType<typeof goodbyeTo>, settings: object = WHATSAPP) => {
    provider.answers(200, { messages: [{ id: 'wamid.1' }] });
    return provider.send(whatsapp, { ...settings, graphUrl: `${provider.url()}/` }, message);
  };

  it('posts a text with the phone number id and the access token', async () => {
    await send(goodbyeTo('16505551234'), { ...WHATSAPP, version: 'v25.0' });
    const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = provider.got;
    expect(url).toBe(`/v25.0/${WHATSAPP.phoneNumberId}/messages`);
    expect(headers.authorization).toBe(`Bearer ${WHATSAPP.accessToken}`);
    expect(JSON.parse(body)).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '16505551234',
      type: 'text',
      text: { body: 'Auf Wiedersehen, grüß Gott', preview_url: false },
    });
  });

  it('sends to the user id of a customer who hides their phone number', async () => {
    await send(goodbyeTo('US.13491208655302741918'));
    const sent = JSON.parse(provider.got[0]?.body ?? '');
    expect(sent).toMatchObject({ recipient: 'US.13491208655302741918' });
    expect(sent).not.toHaveProperty('to');
  });

  it.each([
    ['de-AT', 'de'],
    ['de', 'de'],
    ['en-US', 'en_US'],
    ['en-GB', 'en_US'],
    ['fr', 'en_US'],
    [null, 'en_US'],
  ])('PE-4 sends a template to a customer of %s in %s', async (locale, code) => {
    await send(templateTo('1650', locale));
    expect(JSON.parse(provider.got[0]?.body ?? '')).toMatchObject({
      type: 'template',
      template: { name: 'conversation_closed', language: { code } },
    });
  });

  it('sends the survey as a text and rejects separators', async () => {
    await send(partTo('1650', 'SURVEY'));
    expect(JSON.parse(provider.got[0]?.body ?? '')).toMatchObject({ text: { body: WHATSAPP.surveyText } });
    expect(await send(partTo('1650', 'SEPARATOR'))).toEqual({
      outcome: 'REJECTED',
      reason: 'the channel has no separators',
    });
    expect(await send(partTo('1650', 'SURVEY'), { ...WHATSAPP, surveyText: undefined })).toEqual({
      outcome: 'REJECTED',
      reason: 'the channel has no survey text',
    });
    expect(provider.got).toEqual([]);
  });

  it.each([
    [400, 131047, 'the reply window is closed'],
    [401, 190, 'the access token is not valid'],
    [404, 132001, 'there is no such template in that language'],
  ])('PE-4 explains a %i with code %i', async (status, code, meaning) => {
    provider.answers(status, { error: { code, message: 'Re-engagement message' } });
    const result = await provider.send(
      whatsapp,
      { ...WHATSAPP, graphUrl: provider.url() },
      goodbyeTo('1650'),
    );
    expect(result).toEqual({
      outcome: 'REJECTED',
      reason: `the provider answered ${status} with code ${code}: ${meaning}`,
    });
  });

  it.each([4, 80007, 130429, 131056])('retries after code %i with status 400', async (code) => {
    provider.answers(400, { error: { code } });
    expect(
      await provider.send(whatsapp, { ...WHATSAPP, graphUrl: provider.url() }, goodbyeTo('1650')),
    ).toEqual({ outcome: 'RETRY', afterMs: null, isLimited: true });
  });
});
