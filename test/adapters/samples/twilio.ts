import { getExpectedBodyHash, getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import type { InboundEvent, InboundRequest } from '../../../src/adapters/adapter.ts';
import type { AdapterSamples } from '../../../src/adapters/contract/contract.ts';
import { call, NOW, URL_OF_CHANNEL } from '../samples.ts';

const ACCOUNT = {
  accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
  authToken: '0123456789abcdef0123456789abcdef',
};
const texts = { closeMessage: 'Goodbye.', surveyText: 'How was it? https://survey.example/1' };
/** Settings of an SMS channel. */
export const SMS = { ...ACCOUNT, sender: '+15550100', ...texts };
/** Settings of a channel on Twilio Conversations. */
export const CONVERSATIONS = { ...ACCOUNT, ...texts };
const OTHER = 'fedcba9876543210fedcba9876543210';

/** A form as Twilio posts it, signed by Twilio's own library. */
export function formCall(
  form: Record<string, string>,
  url = URL_OF_CHANNEL,
  token = ACCOUNT.authToken,
): InboundRequest {
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': getExpectedTwilioSignature(token, url, form),
  };
  return call(headers, new URLSearchParams(form).toString(), url);
}

/** JSON as Twilio posts it, its hash in the URL, signed by Twilio's own library. */
export function jsonCall(value: unknown, token = ACCOUNT.authToken): InboundRequest {
  const body = JSON.stringify(value);
  const url = `${URL_OF_CHANNEL}?bodySHA256=${getExpectedBodyHash(body)}`;
  return call({ 'x-twilio-signature': getExpectedTwilioSignature(token, url, {}) }, body, url);
}

/** A customer's SMS. */
export const SMS_IN = {
  ToCountry: 'US',
  SmsMessageSid: `SM${'1'.repeat(32)}`,
  NumMedia: '0',
  SmsStatus: 'received',
  Body: 'Hello & grüß Gott + more',
  To: SMS.sender,
  NumSegments: '1',
  MessageSid: `SM${'1'.repeat(32)}`,
  AccountSid: ACCOUNT.accountSid,
  From: '+15550123',
  ApiVersion: '2010-04-01',
};
/** What became of an SMS that was sent. */
export const SMS_STATUS = {
  SmsSid: `SM${'2'.repeat(32)}`,
  SmsStatus: 'delivered',
  MessageStatus: 'delivered',
  To: '+15550123',
  MessageSid: `SM${'2'.repeat(32)}`,
  AccountSid: ACCOUNT.accountSid,
  From: SMS.sender,
  ApiVersion: '2010-04-01',
};
const sms: InboundEvent = {
  kind: 'MESSAGE',
  providerMessageId: SMS_IN.MessageSid,
  address: '+15550123',
  sentAt: NOW,
  text: SMS_IN.Body,
};

export const SMS_SAMPLES: AdapterSamples = {
  settings: SMS,
  otherSettings: { ...SMS, authToken: OTHER },
  now: NOW,
  calls: [
    { request: formCall(SMS_IN), events: [sms] },
    {
      request: formCall({ ...SMS_IN, Body: 'Fertig', OptOutType: 'STOP' }),
      events: [{ ...sms, text: 'Fertig', keyword: 'OPT_OUT' }],
    },
    {
      request: formCall(SMS_STATUS),
      events: [
        {
          kind: 'RECEIPT',
          providerMessageId: SMS_STATUS.MessageSid,
          address: '+15550123',
          state: 'DELIVERED',
          at: NOW,
        },
      ],
    },
    { request: formCall({ ...SMS_STATUS, MessageStatus: 'sent' }), events: [] },
  ],
  acceptedResponse: () => Response.json({ sid: `SM${'3'.repeat(32)}`, status: 'queued' }, { status: 201 }),
};

const CONVERSATION = `CH${'4'.repeat(32)}`;
/** A customer's message in a conversation, by SMS. */
export const ADDED = {
  EventType: 'onMessageAdded',
  Attributes: '{}',
  DateCreated: '2026-01-05T13:00:00.111Z',
  Index: '35',
  MessageSid: `IM${'5'.repeat(32)}`,
  AccountSid: ACCOUNT.accountSid,
  Source: 'SMS',
  RetryCount: '0',
  Author: '+15550123',
  ParticipantSid: `MB${'6'.repeat(32)}`,
  Body: 'Hello, grüß Gott',
  ConversationSid: CONVERSATION,
};
/** A conversation that was closed. */
export const CLOSED = {
  EventType: 'onConversationStateUpdated',
  AccountSid: ACCOUNT.accountSid,
  ConversationSid: CONVERSATION,
  StateUpdated: '2026-01-05T13:01:00.000Z',
  StateFrom: 'active',
  StateTo: 'closed',
  Reason: 'API',
};
/** What became of a message in a conversation. */
export const DELIVERY = {
  EventType: 'onDeliveryUpdated',
  AccountSid: ACCOUNT.accountSid,
  ConversationSid: CONVERSATION,
  ChannelMessageSid: `SM${'7'.repeat(32)}`,
  MessageSid: `IM${'8'.repeat(32)}`,
  ParticipantSid: ADDED.ParticipantSid,
  Status: 'undelivered',
  ErrorCode: '30003',
  DateCreated: '2026-01-05T13:00:30.000Z',
};
const added: InboundEvent = {
  kind: 'MESSAGE',
  providerMessageId: ADDED.MessageSid,
  address: CONVERSATION,
  sentAt: new Date(ADDED.DateCreated),
  text: ADDED.Body,
};
const closed: InboundEvent = {
  kind: 'END',
  providerEventId: `closed:${CONVERSATION}`,
  address: CONVERSATION,
  by: 'AGENT',
  at: new Date(CLOSED.StateUpdated),
};

/** An event as an event stream sends it. */
export function streamed(type: string, data: object) {
  return { specversion: '1.0', type: `com.twilio.conversations.${type}`, id: 'NO1', data };
}

export const CONVERSATIONS_SAMPLES: AdapterSamples = {
  settings: CONVERSATIONS,
  otherSettings: { ...CONVERSATIONS, authToken: OTHER },
  now: NOW,
  calls: [
    { request: formCall(ADDED), events: [added] },
    { request: formCall(CLOSED), events: [closed] },
    {
      request: jsonCall(DELIVERY),
      events: [
        {
          kind: 'RECEIPT',
          providerMessageId: DELIVERY.MessageSid,
          address: CONVERSATION,
          state: 'FAILED',
          at: new Date(DELIVERY.DateCreated),
        },
      ],
    },
    {
      request: jsonCall([
        streamed('message.added', {
          AccountSid: ADDED.AccountSid,
          Author: ADDED.Author,
          ConversationSid: CONVERSATION,
          MessageSid: ADDED.MessageSid,
          MessageBody: ADDED.Body,
          DateCreated: ADDED.DateCreated,
        }),
        streamed('conversation-state.updated', { ...CLOSED, EventType: undefined }),
      ]),
      events: [added, closed],
    },
  ],
  acceptedResponse: () => Response.json({ sid: `IM${'9'.repeat(32)}` }, { status: 201 }),
};
