import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import messenger from '../../src/adapters/channels/messenger/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import type { Consent } from '../../src/domain/closing/closing.ts';
import { goodbyeTo, openProvider, partTo, templateTo } from './provider.ts';
import { formCall, SMS, SMS_IN, SMS_STATUS } from './samples/twilio.ts';
import { call, NOW, STANDARD } from './samples.ts';

const SERVICE = `MG${'a'.repeat(32)}`;
const contextOf = (settings: object = SMS) => ({
  settings: parseSettings(sms, settings),
  fetch,
  now: () => NOW,
  signal: new AbortController().signal,
});
const parse = (form: Record<string, string>, settings: object = SMS) =>
  sms.inbound.parse(formCall(form), contextOf(settings));

describe('parsing requests', () => {
  it.each([
    ['STOP', 'OPT_OUT'],
    ['START', 'OPT_IN'],
    ['HELP', 'HELP'],
  ])('SF-11 PE-12 the OptOutType %s is the keyword %s, whatever the text', (OptOutType, keyword) => {
    expect(parse({ ...SMS_IN, Body: 'Fertig', OptOutType }).events).toMatchObject([
      { kind: 'MESSAGE', text: 'Fertig', keyword },
    ]);
  });

  it('without an OptOutType, Lull reads the keyword from the text', () => {
    const [event] = parse({ ...SMS_IN, Body: 'stop' }).events;
    expect(event).toMatchObject({ text: 'stop' });
    expect(event).not.toHaveProperty('keyword');
  });

  it.each([
    ['delivered', 'DELIVERED'],
    ['read', 'READ'],
    ['failed', 'FAILED'],
    ['undelivered', 'FAILED'],
  ])('LL-8 a status of %s is a receipt of %s', (MessageStatus, state) => {
    expect(parse({ ...SMS_STATUS, MessageStatus }).events).toEqual([
      { kind: 'RECEIPT', providerMessageId: SMS_STATUS.MessageSid, address: '+15550123', state, at: NOW },
    ]);
  });

  it.each([
    ['a message on its way', { ...SMS_STATUS, MessageStatus: 'queued' }],
    ['a status that nobody knows', { ...SMS_STATUS, MessageStatus: 'vanished' }],
    ['another number', { ...SMS_IN, To: '+15550199' }],
    ['a status about another number', { ...SMS_STATUS, From: '+15550199' }],
    ['another account', { ...SMS_IN, AccountSid: `AC${'f'.repeat(32)}` }],
    ['something else', { AccountSid: SMS.accountSid, CallSid: 'CA1', To: SMS.sender }],
  ])('%s is ignored and counted', (_what, form) => {
    expect(parse(form)).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('accepts every number of its messaging service, and no other service', () => {
    const settings = { ...SMS, sender: SERVICE };
    const form = { ...SMS_IN, To: '+15550177', MessagingServiceSid: SERVICE };
    expect(parse(form, settings).events).toHaveLength(1);
    expect(parse({ ...form, MessagingServiceSid: `MG${'b'.repeat(32)}` }, settings).ignored).toBe(1);
  });

  it.each([
    ['MessageSid', { ...SMS_IN, MessageSid: '' }],
    ['From', { ...SMS_IN, From: 'a\u0000b' }],
    ['To', { ...SMS_STATUS, To: '' }],
  ])('reports an invalid %s', (field, form) => {
    expect(parse(form)).toMatchObject({ events: [], malformed: [{ field: `body.${field}` }] });
  });

  it('acknowledges with TwiML that sends nothing to the customer', () => {
    const request = call({}, '');
    expect(sms.inbound.acknowledge?.(request, contextOf())).toEqual({
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: '<Response/>',
    });
  });
});

describe('the closing', () => {
  const close = (adapter: Adapter, settings: object, context: { consent: Consent; windowOpen: boolean }) =>
    adapter.closing({
      ...{ endReason: 'AUTO_CLOSE', endedBy: 'SYSTEM', clientVersion: null, closeMessage: null },
      ...context,
      settings: parseSettings(adapter, settings),
    });

  it('LL-14 shows the texts of the settings', () => {
    expect(close(sms, SMS, { consent: 'UNKNOWN', windowOpen: true })).toMatchObject({
      ...{ survey: true, closeMessage: SMS.closeMessage, template: null, separator: false },
    });
  });

  it('SF-11 LL-14 after STOP shows nothing and gives the reason', () => {
    const reason = 'the customer opted out';
    expect(close(sms, SMS, { consent: 'OPTED_OUT', windowOpen: true })).toEqual({
      ...{ survey: false, closeMessage: null, template: null, separator: false },
      reasons: { survey: reason, closeMessage: reason, separator: reason },
    });
  });

  it('PE-4 on Messenger nothing is sent after 24 hours, and the reason says so', () => {
    const settings = { ...STANDARD, showSurvey: true, showCloseMessage: true };
    expect(close(messenger, settings, { consent: 'UNKNOWN', windowOpen: false })).toMatchObject({
      ...{ survey: false, closeMessage: null, template: null },
      reasons: { survey: 'the reply window is closed', closeMessage: 'the reply window is closed' },
    });
  });
});

describe('sending', () => {
  const provider = openProvider();
  const send = (message: ReturnType<typeof goodbyeTo>, settings: object = SMS) =>
    provider.send(sms, { ...settings, apiUrl: provider.url() }, message);

  it.each([
    ['a number', SMS.sender, 'From'],
    ['a messaging service', SERVICE, 'MessagingServiceSid'],
  ])('posts a form with the credentials, sent from %s', async (_what, sender, field) => {
    provider.answers(201, { sid: 'SM1' });
    await send(goodbyeTo('+15550123'), { ...SMS, sender });
    const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = provider.got;
    expect(url).toBe(`/2010-04-01/Accounts/${SMS.accountSid}/Messages.json`);
    expect(headers.authorization).toBe(`Basic ${btoa(`${SMS.accountSid}:${SMS.authToken}`)}`);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      To: '+15550123',
      [field]: sender,
      Body: 'Auf Wiedersehen, grüß Gott',
    });
  });

  it('SF-11 rejects a message with the reason that the customer has unsubscribed', async () => {
    provider.answers(400, { code: 21610, message: 'Attempt to send to unsubscribed recipient', status: 400 });
    expect(await send(goodbyeTo('+15550123'))).toEqual({
      outcome: 'REJECTED',
      reason: 'the provider answered 400 with code 21610: the customer has unsubscribed',
    });
  });

  it('sends the survey as a text, and rejects templates and separators', async () => {
    provider.answers(201, { sid: 'SM1' });
    await send(partTo('+15550123', 'SURVEY'));
    expect(new URLSearchParams(provider.got[0]?.body).get('Body')).toBe(SMS.surveyText);
    expect(await send(templateTo('+15550123', null))).toEqual({
      outcome: 'REJECTED',
      reason: 'the channel has no templates',
    });
    expect(await send(partTo('+15550123', 'SEPARATOR'))).toMatchObject({ outcome: 'REJECTED' });
    expect(provider.got).toEqual([]);
  });
});
