import { z } from 'zod';
import { ALL_OPT_OUT_WORDS } from '../../../domain/conversation/keyword.ts';
import { parseDuration } from '../../../domain/time/duration.ts';
import { defineAdapter } from '../../adapter.ts';
import { destination, secret } from '../../settings.ts';
import { httpUrl } from '../../shared/fields.ts';
import { closingTextSettings, textChannelRules, textClosing } from '../../shared/text-channel.ts';
import { tier, tiered } from '../../shared/tier.ts';
import { parseWhatsApp } from './parse.ts';
import { deliverToWhatsApp } from './send.ts';
import { answerHandshake, isMetaSigned } from './verify.ts';

/** The longest text of a message, in characters. */
const LIMIT = 4096;

/**
 * WhatsApp by Meta's Cloud API. A customer's address is their phone number or, if they hide it, their user id for this
 * business. Free text is sent within 24 hours of the customer's last message, templates at any time (PE-4).
 */
export default defineAdapter({
  id: 'whatsapp',
  name: 'WhatsApp',
  settings: z.strictObject({
    phoneNumberId: z
      .string()
      .regex(/^\d{1,30}$/, 'digits')
      .describe("The id of the business's phone number at Meta. Events about other numbers are ignored"),
    appSecret: secret(z.string().min(16).describe("The app's secret, which signs Meta's requests")),
    verifyToken: secret(
      z
        .string()
        .min(8)
        .describe('The verify token entered in the app, which Meta sends when it verifies the endpoint'),
    ),
    accessToken: secret(z.string().min(16).describe('The access token that authorizes sending')),
    graphUrl: destination(httpUrl.default('https://graph.facebook.com')).describe('The URL of the Graph API'),
    version: z
      .string()
      .regex(/^v\d{1,3}\.\d$/, 'such as v24.0')
      .default('v24.0')
      .describe('The version of the Graph API'),
    tier,
    ...closingTextSettings(LIMIT),
    closeTemplate: z
      .string()
      .regex(/^[a-z0-9_]{1,512}$/, 'lower-case letters, digits and _')
      .optional()
      .describe(
        'The template that replaces the close message outside the reply window. Default: nothing is sent then',
      ),
    templateLanguages: z
      .array(z.string().regex(/^[a-z]{2,3}(_[A-Z]{2,3})?$/, 'such as en or en_US'))
      .min(1)
      .max(100)
      .default(['en_US'])
      .describe("The approved languages of the templates. The first is used if none matches the customer's"),
  }),
  ...tiered({
    ...textChannelRules(LIMIT),
    replyWindow: parseDuration('PT24H', 'replyWindow'),
    optOutWords: ALL_OPT_OUT_WORDS,
  }),
  closing: (context) => textClosing(context, LIMIT, context.settings.closeTemplate ?? null),
  inbound: {
    verify: (request, { settings }) => isMetaSigned(request, settings.appSecret),
    parse: (request, { settings }) => parseWhatsApp(request.body, settings.phoneNumberId),
    handshake: (request, { settings }) => answerHandshake(request, settings.verifyToken),
    // Meta accepts no status but 200.
    acknowledge: () => ({ status: 200, headers: {}, body: '' }),
  },
  deliver: deliverToWhatsApp,
});
