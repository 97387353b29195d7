import { z } from 'zod';
import { closingFrom, isTimersEnd, silence } from '../../../domain/closing/closing.ts';
import { defineAdapter } from '../../adapter.ts';
import { secret } from '../../settings.ts';
import { asConfigured, clientSettings, deliverUrl, ownWireRules } from '../../shared/client-settings.ts';
import { isLullSigned, lullHeaders } from '../../shared/signature.ts';
import { deliverOverWire, parseWire } from '../../shared/wire.ts';

/** Chat on a web page, over Lull's own wire. An automatic close is silent there (LP-2). */
export default defineAdapter({
  id: 'web',
  name: 'Web chat',
  settings: z.strictObject({
    secret: secret(z.string().min(16).describe('Signs calls both ways, in the header lull-signature')),
    deliverUrl,
    ...clientSettings,
  }),
  // Where sessions are Salesforce's, an agent begins none on the web (SF-9), nor by a message to an INACTIVE one (SF-6).
  rules: {
    ...ownWireRules,
    newSessionOnAgentMessage: false,
    sessions: { tier: 'ENHANCED', agentInitiated: false },
  },
  sendsBy: 'deliverUrl',
  closing(context) {
    if (isTimersEnd(context.endReason))
      return closingFrom(context, silence('an automatic close is silent on the web'));
    return closingFrom(context, asConfigured(context, [true, 'the client draws a line at every other end']));
  },
  inbound: {
    verify: (request, { settings, now }) => isLullSigned(request, settings.secret, now()),
    parse: (request) => parseWire(request.body),
  },
  deliver: (message, context) =>
    deliverOverWire(
      message,
      context.settings.deliverUrl,
      (body) => lullHeaders(context.settings.secret, context.now(), body),
      context,
    ),
});
