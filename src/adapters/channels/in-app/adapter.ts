import { z } from 'zod';
import { closingFrom, isTimersEnd, silence } from '../../../domain/closing/closing.ts';
import { defineAdapter } from '../../adapter.ts';
import { secret } from '../../settings.ts';
import { asConfigured, clientSettings, deliverUrl, ownWireRules } from '../../shared/client-settings.ts';
import { isLullSigned, lullHeaders } from '../../shared/signature.ts';
import { deliverOverWire, parseWire } from '../../shared/wire.ts';

/**
 * Chat inside an app, over Lull's own wire. The SDK's version decides whether an automatic close is silent
 * (LP-2) or shows what that SDK is configured to show (LP-9); a version that is not known counts as older.
 */
export default defineAdapter({
  id: 'in-app',
  name: 'In-app chat',
  settings: z.strictObject({
    secret: secret(z.string().min(16).describe('Signs calls both ways, in the header lull-signature')),
    deliverUrl,
    ...clientSettings,
  }),
  rules: { ...ownWireRules, newSessionOnAgentMessage: true },
  sendsBy: 'deliverUrl',
  closing(context) {
    if (isTimersEnd(context.endReason) && closesSilently(context.clientVersion))
      return closingFrom(context, silence('an automatic close is silent from SDK 2.1 on'));
    return closingFrom(context, asConfigured(context, [true, 'the client draws a line']));
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

/** Whether an SDK can keep an automatic close to itself: 2.1 and above. */
function closesSilently(version: string | null): boolean {
  const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?![\w])/.exec(version ?? '') ?? [];
  if (major === undefined) return false;
  return Number(major) > 2 || (Number(major) === 2 && Number(minor ?? 0) >= 1);
}
