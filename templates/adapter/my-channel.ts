import { createHmac } from 'node:crypto';
import {
  asTexted,
  closingFrom,
  closingTexts,
  defineAdapter,
  destination,
  HELP_WORDS,
  type InboundEvent,
  type InboundRequest,
  instant,
  isRecent,
  isSame,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
  post,
  readBody,
  readItems,
  rejected,
  secret,
  textFor,
  word,
  z,
} from 'lull/adapters';

/** The longest text that My channel takes. */
const LIMIT = 4000;

/** My channel: say here what is special about it. */
export default defineAdapter({
  id: 'my-channel',
  name: 'My channel',
  // What an admin enters for each channel. Strict: a misspelt setting is refused. Secrets are kept encrypted.
  settings: z.strictObject({
    signingSecret: secret(z.string().min(16)).describe('Signs the calls that come in'),
    apiToken: secret(z.string().min(16)).describe('Sends messages'),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://api.my-channel.example')).describe(
      'Where messages are posted',
    ),
    ...closingTexts(LIMIT),
  }),
  // What the channel can do, as data: docs/writing-an-adapter.md tells what each of them means.
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
  closing: (context) => closingFrom(context, asTexted(context, LIMIT)),
  inbound: {
    verify: (request, { settings, now }) => isSigned(request, settings.signingSecret, now()),
    parse(request) {
      const { events } = readBody(call, request.body);
      const kindOf = (value: unknown) => (value as { type?: unknown } | null)?.type;
      // What is no message is of no use to Lull: ignored, and counted.
      const read = (value: unknown) => (kindOf(value) === 'message' ? message : null);
      return readItems(events.map((value, index) => ({ at: `events[${index}]`, value, as: read(value) })));
    },
  },
  async deliver(message, context) {
    const { apiUrl, apiToken } = context.settings;
    const said = textFor(message, context.settings);
    if (said.text === null) return rejected(said.why);
    return await post(
      `${apiUrl}/messages`,
      {
        headers: {
          authorization: `Bearer ${apiToken}`,
          'content-type': 'application/json',
          'idempotency-key': message.id,
        },
        body: JSON.stringify({ to: message.address, text: said.text }),
      },
      { idIn, codeIn: () => null, passing: [], meanings: {} },
      context,
    );
  },
});

const call = z.object({ events: z.array(z.unknown()).max(1000) });

const message = z
  .object({ id: word(255), from: word(255), sentAt: instant, text: z.string().optional() })
  .transform(
    ({ id, from, sentAt, text }): InboundEvent => ({
      kind: 'MESSAGE',
      providerMessageId: id,
      address: from,
      sentAt,
      ...(text ? { text } : {}),
    }),
  );

/** Whether the provider signed a call, not over five minutes ago: over the time, a dot and the raw body. */
function isSigned({ headers, body }: InboundRequest, key: string, now: Date): boolean {
  const seconds = headers.get('x-my-channel-time') ?? '';
  if (!isRecent(seconds, now)) return false;
  const expected = createHmac('sha256', key).update(`${seconds}.`).update(body).digest('hex');
  return isSame(headers.get('x-my-channel-signature') ?? '', expected);
}

/** The id that the provider gives to a message that it takes. */
function idIn(body: unknown): string | null {
  const id = (body as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : null;
}
