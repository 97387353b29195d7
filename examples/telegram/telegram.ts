import {
  closingTextSettings,
  constantTimeEqual,
  defineAdapter,
  destination,
  HELP_WORDS,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
  readBody,
  readItems,
  secret,
  sendText,
  textClosing,
  z,
} from 'lull/adapters';
import { schemaOf, update } from './calls.ts';
import { send } from './send.ts';

/** The longest text of a message, in characters. */
const LIMIT = 4096;

/**
 * Telegram, by a bot. A customer's address is the id of their chat with the bot. Only customers can start a conversation,
 * and one who blocks the bot ends it. Groups and channels are ignored.
 */
export default defineAdapter({
  id: 'telegram',
  name: 'Telegram',
  settings: z.strictObject({
    botToken: secret(
      z.string().regex(/^\d{5,20}:[\w-]{20,100}$/, 'a token in the form that BotFather gives'),
    ).describe('The token of the bot, which authorizes sending'),
    secretToken: secret(z.string().regex(/^[\w-]{16,256}$/, '16 to 256 letters, digits, _ and -')).describe(
      'The secret_token given to setWebhook, which Telegram sends with each request',
    ),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://api.telegram.org')).describe(
      'The URL of the Bot API',
    ),
    ...closingTextSettings(LIMIT),
  }),
  rules: {
    bounds: {},
    canReopen: true,
    businessInitiated: false,
    newSessionOnAgentMessage: true,
    sessions: { tier: 'ENHANCED', agentInitiated: false },
    replyWindow: null,
    textLimits: { closeMessage: LIMIT },
    idempotentSends: false,
    optOutWords: PLAIN_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  },
  closing: (context) => textClosing(context, LIMIT),
  inbound: {
    // Telegram offers no signature. Requests are trustworthy only over TLS, and while nobody else knows the secret.
    unsigned: true,
    verify: ({ headers }, { settings }) =>
      constantTimeEqual(headers.get('x-telegram-bot-api-secret-token') ?? '', settings.secretToken),
    parse(request) {
      const value = readBody(update, request.body);
      return readItems([{ field: 'body', value, schema: schemaOf(value) }]);
    },
  },
  deliver: (message, context) =>
    sendText(message, context.settings, (text) => send(message.address, text, context)),
});
