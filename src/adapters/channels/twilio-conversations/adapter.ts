import { z } from 'zod';
import { ALL_OPT_OUT_WORDS } from '../../../domain/conversation/keyword.ts';
import { defineAdapter, rejected } from '../../adapter.ts';
import { destination } from '../../settings.ts';
import { httpUrl } from '../../shared/fields.ts';
import { INVALID_SEGMENT, pathSegment } from '../../shared/path-segment.ts';
import { closingTextSettings, sendText, textChannelRules, textClosing } from '../../shared/text-channel.ts';
import { postToTwilio, twilioSettings } from '../../shared/twilio.ts';
import { isTwilioSigned } from '../../shared/twilio-signature.ts';
import { FORMATS, parseConversations } from './parse.ts';

/** The longest text of a message, in characters. */
const LIMIT = 1600;

/**
 * Twilio Conversations, by webhooks or event streams. The address is the conversation's SID, which every event names and
 * sending needs. A closed conversation stays closed; a customer who writes later has a new one.
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
      .describe("The SID of the conversation service. Default: the account's default service"),
    apiUrl: destination(httpUrl.default('https://conversations.twilio.com')).describe(
      "The URL of Twilio's Conversations API",
    ),
    customerIdentities: z
      .string()
      .min(1)
      .optional()
      .describe('The prefix of the identities of customers who chat. Default: every identity is an agent'),
    botAuthors: z
      .array(z.string().min(1))
      .max(100)
      .default(['system'])
      .describe('The message authors that are bots'),
    ...closingTextSettings(LIMIT),
  }),
  rules: {
    ...textChannelRules(LIMIT),
    bounds: { INACTIVATE: null },
    canReopen: false,
    // Most customers use SMS and WhatsApp, where carriers require the full list.
    optOutWords: ALL_OPT_OUT_WORDS,
  },
  closing: (context) => textClosing(context, LIMIT),
  inbound: {
    verify: (request, { settings }) => isTwilioSigned(request, settings.authToken, FORMATS),
    parse: (request, { settings }) => parseConversations(request, settings),
  },
  deliver(message, context) {
    const { apiUrl, serviceSid } = context.settings;
    const service = serviceSid === undefined ? '' : `/Services/${serviceSid}`;
    return sendText(message, context.settings, async (text) => {
      const conversation = pathSegment(message.address);
      if (conversation === null) return rejected(INVALID_SEGMENT);
      return await postToTwilio(
        `${apiUrl.replace(/\/$/, '')}/v1${service}/Conversations/${conversation}/Messages`,
        { Author: 'lull', Body: text, Attributes: JSON.stringify({ lull: message.id }) },
        context,
      );
    });
  },
});
