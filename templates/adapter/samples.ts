import { createHmac } from 'node:crypto';
import type { AdapterSamples, InboundRequest } from 'lull/adapters';

const NOW = new Date('2026-01-05T13:00:10Z');
const SETTINGS = { signingSecret: 'known to the samples alone', apiToken: 'a token of the samples' };
const OTHER_SETTINGS = { signingSecret: 'known to another channel', apiToken: 'a token of another' };

/** Requests of the provider. Replace them by recorded ones, with names and numbers changed. */
export const samples: AdapterSamples = {
  settings: SETTINGS,
  otherSettings: OTHER_SETTINGS,
  now: NOW,
  calls: [
    {
      request: call({
        events: [
          {
            type: 'message',
            id: 'm1',
            from: 'ada',
            sentAt: '2026-01-05T13:00:00Z',
            text: 'Hello, grüß Gott',
          },
          { type: 'typing', from: 'ada' },
        ],
      }),
      events: [
        {
          kind: 'MESSAGE',
          providerMessageId: 'm1',
          address: 'ada',
          sentAt: new Date('2026-01-05T13:00:00Z'),
          text: 'Hello, grüß Gott',
        },
      ],
    },
  ],
  acceptedResponse: () => Response.json({ id: 'out-1' }),
};

/** A request with this body, signed for SETTINGS without the code under test. */
function call(value: unknown): InboundRequest {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const seconds = String(NOW.getTime() / 1000);
  const signature = createHmac('sha256', SETTINGS.signingSecret).update(`${seconds}.`).update(body);
  return {
    method: 'POST',
    url: 'https://lull.example/webhooks/an-account/a-channel',
    headers: new Headers({
      'content-type': 'application/json',
      'x-my-channel-time': seconds,
      'x-my-channel-signature': signature.digest('hex'),
    }),
    body,
  };
}
