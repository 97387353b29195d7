import { z } from 'zod';
import { ALL_OPT_OUT_WORDS } from '../../../domain/conversation/keyword.ts';
import { defineAdapter } from '../../adapter.ts';
import { destination } from '../../settings.ts';
import { httpUrl } from '../../shared/fields.ts';
import { closingTextSettings, sendText, textChannelRules, textClosing } from '../../shared/text-channel.ts';
import { tier, tiered } from '../../shared/tier.ts';
import { postToTwilio, twilioSettings } from '../../shared/twilio.ts';
import { isTwilioSigned, readSigned } from '../../shared/twilio-signature.ts';
import { FORMATS, isMessagingService, parseSms } from './parse.ts';

/** The longest text of a message, in characters. */
const LIMIT = 1600;

/**
 * SMS through Twilio. Twilio itself answers STOP, START and HELP; after STOP nothing is sent. Twilio does not say when a
 * message was sent, so messages are dated by their arrival.
 */
export default defineAdapter({
  id: 'sms',
  name: 'SMS',
  settings: z.strictObject({
    ...twilioSettings,
    sender: z
      .string()
      .regex(
        /^(\+\d{7,15}|\d{3,8}|MG[0-9a-fA-F]{32})$/,
        'a number such as +15550100, a short code or the SID of a messaging service',
      )
      .describe(
        'The number, short code or messaging service that messages are sent from. Messages of other senders are ignored',
      ),
    apiUrl: destination(httpUrl.default('https://api.twilio.com')).describe("The URL of Twilio's API"),
    tier,
    ...closingTextSettings(LIMIT),
  }),
  ...tiered({ ...textChannelRules(LIMIT), optOutWords: ALL_OPT_OUT_WORDS }),
  closing: (context) => textClosing(context, LIMIT),
  inbound: {
    undated: true,
    verify: (request, { settings }) => isTwilioSigned(request, settings.authToken, FORMATS),
    parse: (request, { settings, now }) => parseSms(readSigned(request, FORMATS), settings, now()),
    // TwiML without a message: Twilio would send any other text to the customer.
    acknowledge: () => ({ status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response/>' }),
  },
  deliver(message, context) {
    const { apiUrl, accountSid, sender } = context.settings;
    const from = isMessagingService(sender) ? 'MessagingServiceSid' : 'From';
    return sendText(message, context.settings, (text) =>
      postToTwilio(
        `${apiUrl.replace(/\/$/, '')}/2010-04-01/Accounts/${accountSid}/Messages.json`,
        { To: message.address, [from]: sender, Body: text },
        context,
      ),
    );
  },
});
