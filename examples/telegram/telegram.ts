import {
  asTexted,
  closingFrom,
  closingTexts,
  defineAdapter,
  destination,
  HELP_WORDS,
  isSame,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
  readBody,
  readItems,
  rejected,
  secret,
  textFor,
  z,
} from 'lull/adapters';
import { readingOf, update } from './calls.ts';
import { send } from './send.ts';

/** The longest text of a message. */
const LIMIT = 4096;

/**
 * Telegram, by a bot: a customer's address is the id of their chat with it. Only they can begin; who blocks the bot
 * ends the conversation. Groups and channels do not count.
 */
export default defineAdapter({
  id: 'telegram',
  name: 'Telegram',
  settings: z.strictObject({
    botToken: secret(z.string().regex(/^\d{5,20}:[\w-]{20,100}$/, 'as BotFather gives it')).describe(
      'The token of the bot, which sends messages',
    ),
    secretToken: secret(z.string().regex(/^[\w-]{16,256}$/, '16 to 256 letters, digits, _ and -')).describe(
      'What Telegram shows with each call: the secret_token that setWebhook was given',
    ),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://api.telegram.org')).describe(
      'Where the Bot API is',
    ),
    ...closingTexts(LIMIT),
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
  closing: (context) => closingFrom(context, asTexted(context, LIMIT)),
  inbound: {
    // All that Telegram offers: without TLS up to Lull, or with the secret told to others, calls prove nothing.
    unsigned: true,
    verify: ({ headers }, { settings }) =>
      isSame(headers.get('x-telegram-bot-api-secret-token') ?? '', settings.secretToken),
    parse(request) {
      const value = readBody(update, request.body);
      return readItems([{ at: 'body', value, as: readingOf(value) }]);
    },
  },
  async deliver(message, context) {
    const said = textFor(message, context.settings);
    return said.text === null ? rejected(said.why) : await send(message.address, said.text, context);
  },
});
