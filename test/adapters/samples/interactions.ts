import { Webhook } from 'standardwebhooks';
import type { InboundRequest } from '../../../src/adapters/adapter.ts';
import type { AdapterSamples } from '../../../src/adapters/contract/contract.ts';
import { call, NOW, STANDARD, STANDARD_SAMPLES } from '../samples.ts';

const CHANNEL = '72a6a4ec-acbc-44f6-b2b9-e444248ca843';
/** Settings of a channel that passes on interactions. */
export const INTERACTIONS = { ...STANDARD, channelAddress: CHANNEL };

/** A call signed by the library of Standard Webhooks. */
export function interactionCall(value: unknown): InboundRequest {
  const body = JSON.stringify(value);
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(NOW.getTime() / 1000),
    'webhook-signature': new Webhook(INTERACTIONS.secret).sign('msg_1', NOW, body),
  };
  return call(headers, body);
}

const MS = Date.parse('2026-01-05T13:00:00.123Z');
const AT = new Date(MS);
const CUSTOMER = { appType: 'custom', subject: 'ada', role: 'EndUser' };
/** What an agent's message or the end of a session looks like, from Salesforce's side. */
export function event(entryType: string, role: string, entryPayload: object, to = CHANNEL) {
  return {
    channelAddressIdentifier: to,
    conversationIdentifier: 'c-1',
    recipient: CUSTOMER,
    payload: {
      identifier: 'b233c185-73a7-4adf-b6d9-b7fd62babb4e',
      entryType,
      entryPayload: { entryType, id: 'b233c185-73a7-4adf-b6d9-b7fd62babb4e', ...entryPayload },
      sender: { appType: 'agent', subject: '005x00000000001', role },
      clientTimestamp: MS - 5,
      clientDuration: 0,
      transcriptedTimestamp: MS,
    },
  };
}
/** What the customer's side sends to Salesforce. */
export function request(...interactions: unknown[]) {
  return { to: CHANNEL, from: 'ada', interactions };
}
export const MESSAGE = {
  timestamp: MS,
  interactionType: 'EntryInteraction',
  payload: {
    id: 'f7904eb6-5352-4c5e-adf6-5f100572cf5d',
    entryType: 'Message',
    abstractMessage: {
      messageType: 'StaticContentMessage',
      id: 'f7904eb6-5352-4c5e-adf6-5f100572cf5d',
      staticContent: { formatType: 'Text', text: 'Hello, grüß Gott' },
    },
  },
};

export const INTERACTION_SAMPLES: AdapterSamples = {
  ...STANDARD_SAMPLES,
  settings: INTERACTIONS,
  otherSettings: { ...(STANDARD_SAMPLES.otherSettings as object), channelAddress: CHANNEL },
  calls: [
    {
      request: interactionCall(request(MESSAGE)),
      events: [
        {
          kind: 'MESSAGE',
          providerMessageId: MESSAGE.payload.id,
          address: 'ada',
          sentAt: AT,
          text: 'Hello, grüß Gott',
        },
      ],
    },
    {
      request: interactionCall(event('Message', 'Agent', { abstractMessage: {} })),
      events: [
        {
          kind: 'ECHO',
          providerMessageId: 'b233c185-73a7-4adf-b6d9-b7fd62babb4e',
          address: 'ada',
          sender: 'AGENT',
          at: AT,
        },
      ],
    },
    {
      request: interactionCall(
        event('SessionStatusChanged', 'System', { sessionStatus: 'Ended', sessionEndedByRole: 'Agent' }),
      ),
      events: [
        {
          kind: 'END',
          providerEventId: 'b233c185-73a7-4adf-b6d9-b7fd62babb4e',
          address: 'ada',
          by: 'AGENT',
          at: AT,
        },
      ],
    },
    {
      request: interactionCall({
        sender: CUSTOMER,
        conversationIdentifier: 'c-1',
        acknowledgements: [
          {
            acknowledgementType: 'Read',
            acknowledgedConversationEntryIdentifier: 'out-1',
            acknowledgmentCreatedConversationEntryIdentifier: 'ack-1',
            acknowledgementTimestamp: String(MS),
          },
        ],
      }),
      events: [{ kind: 'RECEIPT', providerMessageId: 'out-1', address: 'ada', state: 'READ', at: AT }],
    },
  ],
};
