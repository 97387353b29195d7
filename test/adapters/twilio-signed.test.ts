import { createHash } from 'node:crypto';
import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, it } from 'vitest';
import type { Adapter, InboundRequest } from '../../src/adapters/adapter.ts';
import sms from '../../src/adapters/channels/sms/adapter.ts';
import twilioConversations from '../../src/adapters/channels/twilio-conversations/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { ADDED, CONVERSATIONS, DELIVERY, formCall, jsonCall, SMS, SMS_IN } from './samples/twilio.ts';
import { call, NOW, URL_OF_CHANNEL } from './samples.ts';

const OTHER_SID = `SM${'9'.repeat(32)}`;

/** What comes of a call: its events, or null where it is not taken for genuine. */
function taken(adapter: Adapter, settings: object, request: InboundRequest) {
  const context = {
    ...{ settings: parseSettings(adapter, settings), fetch, now: () => NOW },
    signal: new AbortController().signal,
  };
  return adapter.inbound.verify(request, context) ? adapter.inbound.parse(request, context).events : null;
}

/** Another form and URL under the signature of a call. */
function under(genuine: InboundRequest, form: Record<string, string>, url = genuine.url): InboundRequest {
  return { ...genuine, url, body: Buffer.from(new URLSearchParams(form).toString()) };
}

/** Whether Twilio's own library would take a form under the signature of a call. */
function librarys(request: InboundRequest): boolean {
  const signature = request.headers.get('x-twilio-signature') ?? '';
  const form = Object.fromEntries(new URLSearchParams(Buffer.from(request.body).toString()));
  return validateRequest(SMS.authToken, signature, request.url, form);
}

/** The text that Twilio signs. */
const signedText = (form: Record<string, string>) =>
  Object.keys(form)
    .sort()
    .map((name) => name + form[name])
    .join('');

describe('a form with the signature of another form', () => {
  it('never parses to another message, sender or recipient with any boundary moved', () => {
    const genuine = formCall(SMS_IN);
    const [message] = taken(sms, SMS, genuine) ?? [];
    const names = Object.keys(SMS_IN).sort() as (keyof typeof SMS_IN)[];
    let tried = 0;
    for (const [index, name] of names.entries()) {
      const pair = name + SMS_IN[name];
      const { [name]: _left, ...others } = SMS_IN;
      const next = names[index + 1];
      const moved: Record<string, string>[] = [...pair].map((_, at) => ({
        ...others,
        [pair.slice(0, at)]: pair.slice(at),
      }));
      if (next !== undefined) {
        const { [next]: nexts, ...rest } = SMS_IN;
        moved.push({ ...rest, [name]: SMS_IN[name] + next + nexts });
      }
      for (const form of moved) {
        const request = under(genuine, form);
        if (!librarys(request)) continue;
        tried++;
        for (const event of taken(sms, SMS, request) ?? [])
          expect(event).toMatchObject({
            ...{ kind: 'MESSAGE', providerMessageId: SMS_IN.MessageSid, address: SMS_IN.From },
          });
      }
    }
    expect(tried).toBeGreaterThan(100);
    expect(message).toMatchObject({ providerMessageId: SMS_IN.MessageSid });
  });

  it('is rejected if the id contains the next field', () => {
    const { MessageSid, NumMedia, ...rest } = SMS_IN;
    const request = under(formCall(SMS_IN), { ...rest, MessageSid: `${MessageSid}NumMedia${NumMedia}` });
    expect(librarys(request)).toBe(true);
    expect(taken(sms, SMS, request)).toBe(null);
  });

  it.each([
    ['From', `xFrom+15550999MessageSid${OTHER_SID}SpamTo${SMS.sender}Zone`],
    ['another id', `xFrom+15550123MessageSid${OTHER_SID}Num`],
    ['OptOutType', `xFrom+15550999MessageSid${OTHER_SID}OptOutTypeSTOPTo${SMS.sender}Zone`],
  ])('is rejected with fields that a customer wrote into a text: %s', (_what, Body) => {
    const genuine = { ...SMS_IN, Body };
    const text = signedText(genuine);
    const from = text.indexOf('Body');
    const rest = text.slice(from + 'Body'.length);
    const cut = rest.split(/(?=From\+|MessageSid|Spam|OptOutType|To\+|Zone|Num(?!Media|Segments))/);
    const form: Record<string, string> = { AccountSid: SMS_IN.AccountSid, ApiVersion: SMS_IN.ApiVersion };
    form.Body = cut[0] ?? '';
    for (const part of cut.slice(1)) {
      const [name = ''] = /^(From|MessageSid|Spam|OptOutType|To|Zone|Num)/.exec(part) ?? [];
      const last = Object.keys(form).at(-1) as string;
      if (name === '' || name in form || name < last) form[last] += part;
      else form[name] = part.slice(name.length);
    }
    const request = under(formCall(genuine), form);
    expect(librarys(request)).toBe(true);
    for (const event of taken(sms, SMS, request) ?? [])
      expect(event).toMatchObject({ providerMessageId: SMS_IN.MessageSid, address: SMS_IN.From });
  });

  it('is rejected if the text of a message contains a close event', () => {
    const end = `ConversationSid${ADDED.ConversationSid}DateCreated2026-01-05T13:00:00.000Z`;
    const Body = `x${end}EventTypeonConversationStateUpdatedStateToclosedStateUpdated2026-01-05T13:00:00.000ZX`;
    const genuine = { ...ADDED, Body };
    expect(taken(twilioConversations, CONVERSATIONS, formCall(genuine))).toBe(null);
  });

  it('is rejected with an unknown parameter name', () => {
    for (const name of ['body', ' Body', 'Body ', 'B ody', '1', '', 'Bo&y', `B${'x'.repeat(64)}`])
      expect(taken(sms, SMS, formCall({ ...SMS_IN, [name]: 'x' }))).toBe(null);
  });

  it('is parsed with additional parameters, and with parameter names in a text', () => {
    for (const more of [
      { ChannelMetadata: '{"type":"sms"}', ProfileName: 'Tom From Toledo', WaId: '15550123' },
      { Body: 'From me To you: MessageSid, Body and AccountSid. From 2024 To 2025. From9am To5pm' },
      { Body: 'STOPFrom' },
      { Body: '', OptOutType: 'HELP' },
      { MediaUrl0: 'https://api.twilio.com/Accounts/AC1/Messages/MM1/Media/ME1', NumMedia: '1' },
    ]) {
      const [event] = taken(sms, SMS, formCall({ ...SMS_IN, ...more })) ?? [];
      expect(event).toMatchObject({ kind: 'MESSAGE', providerMessageId: SMS_IN.MessageSid });
    }
  });

  it('may also contain the channel message id', () => {
    expect(taken(twilioConversations, CONVERSATIONS, formCall(DELIVERY))).toHaveLength(1);
  });
});

describe('a hash of the body in the URL', () => {
  const forged = new URLSearchParams({ ...SMS_IN, Body: 'STOP', MessageSid: OTHER_SID }).toString();
  const hash = createHash('sha256').update(forged).digest('hex');

  it('in the text of a customer does not authenticate another body', () => {
    const configured = `${URL_OF_CHANNEL}?from=twilio`;
    for (const Body of [`x&bodySHA256=${hash}&`, `x&bodySHA256=${hash}`]) {
      const genuine = formCall({ ...SMS_IN, Body }, configured);
      const url = configured + signedText({ ...SMS_IN, Body });
      for (const type of ['application/x-www-form-urlencoded', 'application/json']) {
        const headers = new Headers(genuine.headers);
        headers.set('content-type', type);
        const request = { ...genuine, url, headers, body: Buffer.from(forged) };
        expect(taken(sms, SMS, request)).toBe(null);
        expect(taken(twilioConversations, CONVERSATIONS, request)).toBe(null);
      }
      expect(taken(sms, SMS, genuine)).toMatchObject([{ text: Body }]);
    }
  });

  it.each([
    ['twice', (url: string) => `${url}&bodySHA256=${hash}`],
    ['before another parameter', (url: string) => `${url}&x=1`],
    ['in upper case', (url: string) => url.replace(/[0-9a-f]{64}$/, (found) => found.toUpperCase())],
    ['encoded', (url: string) => url.replace('bodySHA256', 'body%53HA256')],
  ])('is accepted only in the format of Twilio, not %s', (_how, change) => {
    const { body, headers } = jsonCall(ADDED);
    const url = change(jsonCall(ADDED).url);
    const signature = getExpectedTwilioSignature(SMS.authToken, url, {});
    const request = { ...call({ 'x-twilio-signature': signature }, '', url), body };
    expect(headers.get('content-type')).toBe('application/json');
    expect(taken(twilioConversations, CONVERSATIONS, request)).toBe(null);
  });

  it('is rejected with a form, and JSON is rejected on a channel of forms', () => {
    const asForm = jsonCall(ADDED);
    asForm.headers.set('content-type', 'application/x-www-form-urlencoded');
    expect(taken(twilioConversations, CONVERSATIONS, asForm)).toBe(null);
    expect(() => taken(sms, SMS, jsonCall(SMS_IN))).toThrow('a form is allowed');
  });

  it('alone decides the type of the body, since the content type is not signed', () => {
    const form = formCall(ADDED);
    form.headers.set('content-type', 'application/json');
    expect(taken(twilioConversations, CONVERSATIONS, form)).toHaveLength(1);
    const batch = jsonCall([ADDED]);
    batch.headers.set('content-type', 'application/cloudevents-batch+json; charset=utf-8');
    expect(taken(twilioConversations, CONVERSATIONS, batch)).toHaveLength(1);
  });
});
