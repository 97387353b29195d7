import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { closingFrom } from '../../../domain/closing/closing.ts';
import { HELP_WORDS, OPT_IN_WORDS, PLAIN_OPT_OUT_WORDS } from '../../../domain/conversation/keyword.ts';
import { defineAdapter, type InboundRequest, rejected } from '../../adapter.ts';
import { destination, secret } from '../../settings.ts';
import { type Answers, post } from '../../shared/http-send.ts';
import { NO_SEGMENT, pathSegment } from '../../shared/path-segment.ts';
import { isRecent, isSame } from '../../shared/signature.ts';
import { asTexted, closingTexts, textFor } from '../../shared/text-channel.ts';
import { OWN_RULE, parseChatwoot } from './parse.ts';

/** The longest text that is sent. */
const LIMIT = 4000;

/**
 * Chatwoot as a source. The address is the number that a conversation has in its account: messages, changes of status
 * and sending all name it, and it outlives merged contacts. Customers who come back stay in their conversation there,
 * so they keep their address; one who writes to two inboxes has two.
 */
export default defineAdapter({
  id: 'chatwoot',
  name: 'Chatwoot',
  settings: z.strictObject({
    secret: secret(z.string().min(16).describe('The secret of the webhook, which signs calls')),
    baseUrl: destination(z.url({ protocol: /^https?$/ })).describe('Where Chatwoot is'),
    accountId: z.int().positive().describe('The account at Chatwoot; calls about others are ignored'),
    inboxId: z
      .int()
      .positive()
      .optional()
      .describe('The only inbox that counts; without it all of the account do'),
    apiToken: secret(z.string().min(16).describe('The access token of the agent or bot who sends messages')),
    ...closingTexts(LIMIT),
  }),
  rules: {
    bounds: { INACTIVATE: null },
    canReopen: true,
    businessInitiated: true,
    newSessionOnAgentMessage: true,
    replyWindow: null,
    textLimits: { closeMessage: LIMIT },
    idempotentSends: false,
    optOutWords: PLAIN_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  },
  closing: (context) => closingFrom(context, asTexted(context, LIMIT)),
  inbound: {
    verify: (request, { settings, now }) => isChatwootSigned(request, settings.secret, now()),
    parse: (request, { settings }) => parseChatwoot(request.body, settings),
  },
  async deliver(message, context) {
    const { baseUrl, accountId, apiToken } = context.settings;
    const said = textFor(message, context.settings);
    if (said.text === null) return rejected(said.why);
    const conversation = pathSegment(message.address);
    if (conversation === null) return rejected(NO_SEGMENT);
    return await post(
      `${baseUrl.replace(/\/$/, '')}/api/v1/accounts/${accountId}/conversations/${conversation}/messages`,
      {
        headers: { api_access_token: apiToken, 'content-type': 'application/json' },
        body: JSON.stringify({
          content: said.text,
          message_type: 'outgoing',
          private: false,
          content_attributes: { automation_rule_id: OWN_RULE },
        }),
      },
      ANSWERS,
      context,
    );
  },
});

const ANSWERS: Answers = {
  idIn: (body) => {
    const id = (body as { id?: unknown } | null)?.id;
    return typeof id === 'number' ? String(id) : null;
  },
  codeIn: () => null,
  passing: [],
  meanings: {},
};

/** Whether Chatwoot signed a call, not over five minutes ago: over the time, a dot and the raw body. */
function isChatwootSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const timestamp = request.headers.get('x-chatwoot-timestamp') ?? '';
  if (!isRecent(timestamp, now)) return false;
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(request.body).digest('hex');
  return isSame(request.headers.get('x-chatwoot-signature') ?? '', `sha256=${expected}`);
}
