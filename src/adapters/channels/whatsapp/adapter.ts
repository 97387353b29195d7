import { z } from 'zod';
import { closingFrom } from '../../../domain/closing/closing.ts';
import { ALL_OPT_OUT_WORDS, HELP_WORDS, OPT_IN_WORDS } from '../../../domain/conversation/keyword.ts';
import { parseDuration } from '../../../domain/time/duration.ts';
import { defineAdapter } from '../../adapter.ts';
import { destination, secret } from '../../settings.ts';
import { answerHub, isHubSigned } from '../../shared/meta.ts';
import { asTexted, closingTexts } from '../../shared/text-channel.ts';
import { tier, tiered } from '../../shared/tier.ts';
import { parseWhatsApp } from './parse.ts';
import { deliverToWhatsApp } from './send.ts';

/** The longest text of a message. */
const LIMIT = 4096;

/**
 * WhatsApp by Meta's Cloud API. A customer's address is their phone number or, where they hide it, the id they have
 * for this business. Free text goes out within 24 hours of the customer's last message, templates at any time (PE-4).
 */
export default defineAdapter({
  id: 'whatsapp',
  name: 'WhatsApp',
  settings: z.strictObject({
    phoneNumberId: z
      .string()
      .regex(/^\d{1,30}$/, 'digits')
      .describe("The id of the business's phone number at Meta; calls about others are ignored"),
    appSecret: secret(z.string().min(16).describe('The secret of the app, which signs calls')),
    verifyToken: secret(
      z.string().min(8).describe('What Meta shows to make sure of the endpoint, as entered in the app'),
    ),
    accessToken: secret(z.string().min(16).describe('Sends messages')),
    graphUrl: destination(z.url({ protocol: /^https?$/ }).default('https://graph.facebook.com')).describe(
      'Where the Graph API is',
    ),
    version: z
      .string()
      .regex(/^v\d{1,3}\.\d$/, 'such as v24.0')
      .default('v24.0')
      .describe('The version of the Graph API'),
    tier,
    ...closingTexts(LIMIT),
    closeTemplate: z
      .string()
      .regex(/^[a-z0-9_]{1,512}$/, 'lower-case letters, digits and _')
      .optional()
      .describe('The template that stands in for the close message outside the reply window'),
    templateLanguages: z
      .array(z.string().regex(/^[a-z]{2,3}(_[A-Z]{2,3})?$/, 'such as en or en_US'))
      .min(1)
      .max(100)
      .default(['en_US'])
      .describe(
        "The languages that templates are approved in; the first where the customer's is none of them",
      ),
  }),
  ...tiered({
    bounds: {},
    canReopen: true,
    businessInitiated: true,
    newSessionOnAgentMessage: true,
    replyWindow: parseDuration('PT24H', 'replyWindow'),
    textLimits: { closeMessage: LIMIT },
    idempotentSends: false,
    optOutWords: ALL_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  }),
  closing: (context) =>
    closingFrom(context, asTexted(context, LIMIT, context.settings.closeTemplate ?? null)),
  inbound: {
    verify: (request, { settings }) => isHubSigned(request, settings.appSecret),
    parse: (request, { settings }) => parseWhatsApp(request.body, settings.phoneNumberId),
    handshake: (request, { settings }) => answerHub(request, settings.verifyToken),
    // Meta takes nothing but 200 for an answer.
    acknowledge: () => ({ status: 200, headers: {}, body: '' }),
  },
  deliver: deliverToWhatsApp,
});
