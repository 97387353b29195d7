import { createHmac } from 'node:crypto';
import type { InboundEvent, InboundRequest } from '../../../src/adapters/adapter.ts';
import type { AdapterSamples } from '../../../src/adapters/contract/contract.ts';
import { call, NOW, URL_OF_CHANNEL } from '../samples.ts';

/** Settings of a WhatsApp channel. */
export const WHATSAPP = {
  phoneNumberId: '106540352242922',
  appSecret: '0123456789abcdef0123456789abcdef',
  verifyToken: 'a token that was entered',
  accessToken: 'EAAG-the-access-token-of-a-system-user',
  closeMessage: 'Thank you for writing to us.',
  surveyText: 'How was it? https://survey.example/1',
  closeTemplate: 'conversation_closed',
  templateLanguages: ['en_US', 'de'],
};
const OTHER_WHATSAPP = { ...WHATSAPP, appSecret: 'fedcba9876543210fedcba9876543210' };

const METADATA = { display_phone_number: '15550783881', phone_number_id: WHATSAPP.phoneNumberId };
type Values = { messages?: unknown[]; statuses?: unknown[]; message_echoes?: unknown[] };

/** One change of a call, with what it holds. */
export function change(value: Values, field = 'messages', phoneNumberId = WHATSAPP.phoneNumberId) {
  const metadata = { ...METADATA, phone_number_id: phoneNumberId };
  return { field, value: { messaging_product: 'whatsapp', metadata, ...value } };
}

/** The body of a call with these changes, in one entry each. */
export function hubBody(...changes: unknown[]): string {
  const entry = changes.map((one) => ({ id: '102290129340398', changes: [one] }));
  return JSON.stringify({ object: 'whatsapp_business_account', entry });
}

/** A call signed with the app secret, worked out here and not by the code under test. */
export function hubCall(body: string, appSecret = WHATSAPP.appSecret): InboundRequest {
  const signature = createHmac('sha256', appSecret).update(body).digest('hex');
  return call({ 'x-hub-signature-256': `sha256=${signature}` }, body);
}

/** A customer's message. */
export const TEXT = {
  from: '16505551234',
  id: 'wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQQ==',
  timestamp: '1767618000',
  type: 'text',
  text: { body: 'Hello, grüß Gott' },
};
const AT = new Date('2026-01-05T13:00:00Z');
const status = (state: string, seconds: number) => ({
  id: 'wamid.out',
  status: state,
  timestamp: String(1_767_618_000 + seconds),
  recipient_id: '16505551234',
  conversation: { id: 'a75d17ad06104c51166f948319b03c6a', origin: { type: 'service' } },
});
const echo = { from: '15550783881', to: '16505551234', type: 'text', text: { body: 'We call you' } };

const body = hubBody(
  {
    ...change({ messages: [TEXT] }),
    value: {
      ...change({ messages: [TEXT] }).value,
      contacts: [{ profile: { name: 'Ada' }, wa_id: '16505551234' }],
    },
  },
  change({ statuses: [status('sent', 1), status('delivered', 2), status('read', 3)] }),
  change({ message_echoes: [{ ...echo, id: 'wamid.app', timestamp: '1767618010' }] }, 'smb_message_echoes'),
  { field: 'message_template_status_update', value: { event: 'APPROVED', message_template_id: 1 } },
);
const receipt = (state: 'DELIVERED' | 'READ', seconds: number): InboundEvent => ({
  kind: 'RECEIPT',
  providerMessageId: 'wamid.out',
  address: '16505551234',
  state,
  at: new Date(AT.getTime() + seconds * 1000),
});
const events: InboundEvent[] = [
  {
    kind: 'MESSAGE',
    providerMessageId: TEXT.id,
    address: '16505551234',
    sentAt: AT,
    text: 'Hello, grüß Gott',
  },
  receipt('DELIVERED', 2),
  receipt('READ', 3),
  {
    kind: 'ECHO',
    providerMessageId: 'wamid.app',
    address: '16505551234',
    sender: 'AGENT',
    at: new Date('2026-01-05T13:00:10Z'),
  },
];

/** The GET by which Meta makes sure of the endpoint. */
export function hello(token: string, mode = 'subscribe'): InboundRequest {
  const query = new URLSearchParams({
    'hub.mode': mode,
    'hub.verify_token': token,
    'hub.challenge': '1158201444',
  });
  return { ...call({}, ''), method: 'GET', url: `${URL_OF_CHANNEL}?${query}` };
}

export const WHATSAPP_SAMPLES: AdapterSamples = {
  settings: WHATSAPP,
  otherSettings: OTHER_WHATSAPP,
  now: NOW,
  calls: [{ request: hubCall(body), events }],
  acceptedResponse: () =>
    Response.json({
      messaging_product: 'whatsapp',
      contacts: [{ input: '16505551234', wa_id: '16505551234' }],
      messages: [{ id: 'wamid.sent' }],
    }),
  handshake: {
    genuine: hello(WHATSAPP.verifyToken),
    reply: {
      status: 200,
      headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
      body: '1158201444',
    },
    forged: hello('a token that was guessed'),
  },
};
