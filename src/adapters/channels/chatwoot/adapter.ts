import { z } from 'zod';
import { defineAdapter } from '../../adapter.ts';
import { destination, secret } from '../../settings.ts';
import { httpUrl } from '../../shared/fields.ts';
import { closingTextSettings, textChannelRules, textClosing } from '../../shared/text-channel.ts';
import { isChatwootSigned, parseChatwoot } from './parse.ts';
import { deliverToChatwoot } from './send.ts';

/** The longest text of a message, in characters. */
const LIMIT = 4000;

/**
 * Chatwoot as a source. The address is the conversation's number in its Chatwoot account: messages, status changes and
 * sending all name it, and merging contacts does not change it. A returning customer keeps their conversation and so
 * their address; a customer who writes to two inboxes has two addresses.
 */
export default defineAdapter({
  id: 'chatwoot',
  name: 'Chatwoot',
  settings: z.strictObject({
    secret: secret(z.string().min(16).describe("The webhook's secret, which signs Chatwoot's requests")),
    baseUrl: destination(httpUrl).describe('The URL of the Chatwoot installation'),
    accountId: z
      .int()
      .positive()
      .describe('The id of the account at Chatwoot. Events about other accounts are ignored'),
    inboxId: z
      .int()
      .positive()
      .optional()
      .describe(
        'The id of an inbox; events of other inboxes are ignored. Default: every inbox of the account',
      ),
    apiToken: secret(z.string().min(16).describe('The access token of the agent or bot that sends messages')),
    ...closingTextSettings(LIMIT),
  }),
  rules: { ...textChannelRules(LIMIT), bounds: { INACTIVATE: null } },
  closing: (context) => textClosing(context, LIMIT),
  inbound: {
    verify: (request, { settings, now }) => isChatwootSigned(request, settings.secret, now()),
    parse: (request, { settings }) => parseChatwoot(request.body, settings),
  },
  deliver: deliverToChatwoot,
});
