import { z } from 'zod';
import { closingFrom } from '../../../domain/closing/closing.ts';
import { ALL_OPT_OUT_WORDS, HELP_WORDS, OPT_IN_WORDS } from '../../../domain/conversation/keyword.ts';
import { defineAdapter, rejected } from '../../adapter.ts';
import { destination } from '../../settings.ts';
import { NO_SEGMENT, pathSegment } from '../../shared/path-segment.ts';
import { asTexted, closingTexts, textFor } from '../../shared/text-channel.ts';
import { postToTwilio, twilioSettings } from '../../shared/twilio.ts';
import { isTwilioSigned } from '../../shared/twilio-signature.ts';
import { FORMS, parseConversations } from './parse.ts';

/** The longest text of a message. */
const LIMIT = 1600;

/**
 * Twilio Conversations, by its webhooks or its event streams. The address is the SID of the conversation: all that
 * every call names, and all that sending takes. One that is closed there stays closed; whoever writes after that has
 * another.
 */
export default defineAdapter({
  id: 'twilio-conversations',
  name: 'Twilio Conversations',
  settings: z.strictObject({
    ...twilioSettings,
    serviceSid: z
      .string()
      .regex(/^IS[0-9a-fA-F]{32}$/, 'IS and 32 hexadecimal digits')
      .optional()
      .describe("The conversation service; without it the account's default one"),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://conversations.twilio.com')).describe(
      'Where the API is',
    ),
    customerIdentities: z
      .string()
      .min(1)
      .optional()
      .describe('How the identities of customers who chat begin; without it every identity is an agent'),
    botAuthors: z
      .array(z.string().min(1))
      .max(100)
      .default(['system'])
      .describe('The authors of messages who are bots'),
    ...closingTexts(LIMIT),
  }),
  rules: {
    bounds: { INACTIVATE: null },
    canReopen: false,
    businessInitiated: true,
    newSessionOnAgentMessage: true,
    replyWindow: null,
    textLimits: { closeMessage: LIMIT },
    idempotentSends: false,
    // Most of its customers are on SMS and WhatsApp, where carriers demand the full list.
    optOutWords: ALL_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  },
  closing: (context) => closingFrom(context, asTexted(context, LIMIT)),
  inbound: {
    verify: (request, { settings }) => isTwilioSigned(request, settings.authToken, FORMS),
    parse: (request, { settings }) => parseConversations(request, settings),
  },
  async deliver(message, context) {
    const { apiUrl, serviceSid } = context.settings;
    const said = textFor(message, context.settings);
    if (said.text === null) return rejected(said.why);
    const conversation = pathSegment(message.address);
    if (conversation === null) return rejected(NO_SEGMENT);
    const service = serviceSid === undefined ? '' : `/Services/${serviceSid}`;
    return await postToTwilio(
      `${apiUrl.replace(/\/$/, '')}/v1${service}/Conversations/${conversation}/Messages`,
      { Author: 'lull', Body: said.text, Attributes: JSON.stringify({ lull: message.id }) },
      context,
    );
  },
});
