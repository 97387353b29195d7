import { createHmac } from 'node:crypto';
import type { InboundRequest } from '../../../src/adapters/adapter.ts';
import type { AdapterSamples } from '../../../src/adapters/contract/contract.ts';
import { call, NOW } from '../samples.ts';

/** Settings of a channel on Chatwoot. */
export const CHATWOOT = {
  secret: 'the secret of one webhook',
  baseUrl: 'https://chatwoot.example',
  accountId: 7,
  inboxId: 3,
  apiToken: 'the-access-token-of-a-bot',
  closeMessage: 'Goodbye.',
  surveyText: 'How was it? https://survey.example/1',
};
const OTHER_CHATWOOT = { ...CHATWOOT, secret: 'the secret of another webhook' };

/** A call as Chatwoot signs it, worked out here and not by the code under test. */
export function chatwootCall(value: unknown, at = NOW, secret = CHATWOOT.secret): InboundRequest {
  const body = JSON.stringify(value);
  const timestamp = String(at.getTime() / 1000);
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return call({ 'x-chatwoot-timestamp': timestamp, 'x-chatwoot-signature': `sha256=${signature}` }, body);
}

/** A customer's message. */
export const CREATED = {
  event: 'message_created',
  id: 118,
  content: 'Hello, grüß Gott',
  created_at: '2026-01-05T13:00:00.000Z',
  message_type: 'incoming',
  content_type: 'text',
  private: false,
  content_attributes: {},
  source_id: null,
  sender: { id: 14, name: 'Ada', type: 'contact' },
  inbox: { id: 3, name: 'Website' },
  conversation: { id: 10, inbox_id: 3, status: 'open', channel: 'Channel::WebWidget' },
  account: { id: 7, name: 'Acme' },
};
/** A conversation that was resolved. */
export const RESOLVED = {
  event: 'conversation_status_changed',
  id: 10,
  inbox_id: 3,
  status: 'resolved',
  channel: 'Channel::WebWidget',
  messages: [{ id: 120, account_id: 7, private: false }],
  timestamp: 1_767_618_000,
  updated_at: 1_767_618_060.25,
  changed_attributes: [{ status: { previous_value: 'open', current_value: 'resolved' } }],
};
const AT = new Date('2026-01-05T13:00:00Z');

export const CHATWOOT_SAMPLES: AdapterSamples = {
  settings: CHATWOOT,
  otherSettings: OTHER_CHATWOOT,
  now: NOW,
  calls: [
    {
      request: chatwootCall(CREATED),
      events: [
        {
          kind: 'MESSAGE',
          providerMessageId: '118',
          address: '10',
          sentAt: AT,
          text: 'Hello, grüß Gott',
        },
      ],
    },
    {
      request: chatwootCall({
        ...CREATED,
        id: 119,
        message_type: 'outgoing',
        sender: { id: 1, type: 'user' },
      }),
      events: [{ kind: 'ECHO', providerMessageId: '119', address: '10', sender: 'AGENT', at: AT }],
    },
    {
      request: chatwootCall(RESOLVED),
      events: [
        {
          kind: 'END',
          providerEventId: 'resolved:10:1767618060250',
          address: '10',
          by: 'AGENT',
          at: new Date('2026-01-05T13:01:00.250Z'),
        },
      ],
    },
    { request: chatwootCall({ ...RESOLVED, event: 'conversation_updated' }), events: [] },
  ],
  acceptedResponse: () => Response.json({ id: 121, content: 'Goodbye.' }),
};
