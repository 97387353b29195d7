import { createHmac } from 'node:crypto';
import {
  closingTextSettings,
  constantTimeEqual,
  defineAdapter,
  destination,
  HELP_WORDS,
  type InboundEvent,
  type InboundRequest,
  identifier,
  instant,
  isRecent,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
  postMessage,
  readBody,
  readItems,
  secret,
  sendText,
  textClosing,
  z,
} from 'lull/adapters';

/** The longest text of a message, in characters. */
const LIMIT = 4000;

/** My channel: describe here how it differs from other channels. */
export default defineAdapter({
  id: 'my-channel',
  name: 'My channel',
  // An admin enters these for each channel. The schema is strict, so a misspelt setting is rejected. Secrets are encrypted.
  settings: z.strictObject({
    signingSecret: secret(z.string().min(16)).describe('The secret that signs incoming requests'),
    apiToken: secret(z.string().min(16)).describe('The token that authorizes sending'),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://api.my-channel.example')).describe(
      'The URL of the API',
    ),
    ...closingTextSettings(LIMIT),
  }),
  // The capabilities of the channel, as data. docs/writing-an-adapter.md explains each of them.
  rules: {
    bounds: {},
    canReopen: true,
    businessInitiated: true,
    newSessionOnAgentMessage: true,
    replyWindow: null,
    textLimits: { closeMessage: LIMIT },
    idempotentSends: true,
    optOutWords: PLAIN_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  },
  // What the customer sees at the end: the texts of the policy, or else of the settings.
  closing: (context) => textClosing(context, LIMIT),
  inbound: {
    verify: (request, { settings, now }) => isSigned(request, settings.signingSecret, now()),
    parse(request) {
      const { events } = readBody(webhook, request.body);
      const typeOf = (value: unknown) => (value as { type?: unknown } | null)?.type;
      // Lull uses messages only; other events are ignored and counted.
      const schemaOf = (value: unknown) => (typeOf(value) === 'message' ? message : null);
      return readItems(
        events.map((value, index) => ({ field: `events[${index}]`, value, schema: schemaOf(value) })),
      );
    },
  },
  deliver: (message, context) =>
    sendText(message, context.settings, (text) =>
      postMessage(
        `${context.settings.apiUrl}/messages`,
        {
          headers: {
            authorization: `Bearer ${context.settings.apiToken}`,
            'content-type': 'application/json',
            'idempotency-key': message.id,
          },
          body: JSON.stringify({ to: message.address, text }),
        },
        { messageId },
        context,
      ),
    ),
});

const webhook = z.object({ events: z.array(z.unknown()).max(1000) });

const message = z
  .object({ id: identifier(255), from: identifier(255), sentAt: instant, text: z.string().optional() })
  .transform(
    ({ id, from, sentAt, text }): InboundEvent => ({
      kind: 'MESSAGE',
      providerMessageId: id,
      address: from,
      sentAt,
      ...(text ? { text } : {}),
    }),
  );

/** Whether the provider signed a request within five minutes of now: over the timestamp, a dot and the raw body. */
function isSigned({ headers, body }: InboundRequest, key: string, now: Date): boolean {
  const seconds = headers.get('x-my-channel-time') ?? '';
  if (!isRecent(seconds, now)) return false;
  const expected = createHmac('sha256', key).update(`${seconds}.`).update(body).digest('hex');
  return constantTimeEqual(headers.get('x-my-channel-signature') ?? '', expected);
}

/** The id in the provider's response to an accepted message. */
function messageId(body: unknown): string | null {
  const id = (body as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : null;
}
