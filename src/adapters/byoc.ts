import { z } from 'zod';
import { closingFrom } from '../domain/closing.ts';
import { defineAdapter } from './adapter.ts';
import { asConfigured, clientSettings, deliverUrl, ownWireRules } from './client.ts';
import { isStandardSigned, STANDARD_SECRET, standardHeaders } from './signature.ts';
import { deliverOverWire, parseWire } from './wire.ts';

/** Bring your own channel: Lull's own wire, signed by Standard Webhooks both ways. */
export default defineAdapter({
  id: 'byoc',
  name: 'Bring your own channel',
  settings: z.strictObject({
    secret: z
      .string()
      .regex(STANDARD_SECRET, 'whsec_ and 24 to 64 bytes in base64')
      .describe('A Standard Webhooks secret'),
    deliverUrl,
    ...clientSettings,
  }),
  rules: { ...ownWireRules, newSessionOnAgentMessage: true },
  closing: (context) =>
    closingFrom(context, asConfigured(context, [false, 'the channel has no thread of ours to draw it in'])),
  inbound: {
    verify: (request, { settings, now }) => isStandardSigned(request, settings.secret, now()),
    parse: (request) => parseWire(request.body),
  },
  deliver: (message, context) =>
    deliverOverWire(
      message,
      context.settings.deliverUrl,
      (body) => standardHeaders(context.settings.secret, message.id, context.now(), body),
      context,
    ),
});
