import { z } from 'zod';
import { type Closing, type ClosingContext, closingFrom } from '../../domain/closing/closing.ts';
import { STANDARD_SECRET } from '../../domain/standard-secret.ts';
import {
  type Adapter,
  type AdapterContext,
  type DeliverResult,
  defineAdapter,
  type InboundRequest,
  type OutboundMessage,
} from '../adapter.ts';
import { secret } from '../settings.ts';
import { asConfigured, clientSettings, deliverUrl } from './client-settings.ts';
import { isStandardSigned, standardHeaders } from './signature.ts';
import { deliverOverWire, parseWire } from './wire.ts';

/** What every channel is set up with whose platform is brought along. */
export const broughtSettings = z.strictObject({
  secret: secret(
    z
      .string()
      .regex(STANDARD_SECRET, 'whsec_ and 24 to 64 bytes in base64')
      .describe('A Standard Webhooks secret'),
  ),
  deliverUrl,
  ...clientSettings,
});
type Settings = z.output<typeof broughtSettings>;

type Kind = Pick<Adapter, 'id' | 'name' | 'rules' | 'variants'> & {
  /** Where it takes more settings than `broughtSettings`. */
  settings?: z.ZodType<Settings>;
};

/**
 * A channel whose platform is brought along and speaks Lull's own wire, signed by Standard Webhooks both ways. Its name
 * and rules are its own; all else is as on any other such channel.
 */
export function broughtChannel({ settings = broughtSettings, ...kind }: Kind): Adapter {
  return defineAdapter({
    ...kind,
    settings,
    sendsBy: 'deliverUrl',
    closing: (context) => broughtClosing(context, kind.rules.textLimits.closeMessage),
    inbound: { verify: isBroughtCall, parse: (request) => parseWire(request.body) },
    deliver: deliverToBrought,
  });
}

/** Shows what the platform's client is configured to show; `limit` is the longest text. */
export function broughtClosing(context: ClosingContext<Settings>, limit: number): Closing {
  const separator = [false, 'the channel has no thread of ours to draw it in'] as const;
  return closingFrom(context, asConfigured(context, separator, limit));
}

/** Whether the platform signed a call, not over five minutes ago. */
export function isBroughtCall(request: InboundRequest, { settings, now }: AdapterContext<Settings>): boolean {
  return isStandardSigned(request, settings.secret, now());
}

/** Posts a message to the platform, signed. */
export async function deliverToBrought(
  message: OutboundMessage,
  context: AdapterContext<Settings>,
): Promise<DeliverResult> {
  const { deliverUrl, secret } = context.settings;
  return await deliverOverWire(
    message,
    deliverUrl,
    (body) => standardHeaders(secret, message.id, context.now(), body),
    context,
  );
}
