import { z } from 'zod';
import {
  type Closing,
  type ClosingContext,
  type ClosingProposal,
  closingFrom,
  isTimersEnd,
} from '../../domain/closing/closing.ts';
import type { ChannelRules } from '../../domain/policy/channel-rules.ts';
import { STANDARD_SECRET } from '../../domain/standard-secret.ts';
import { type Adapter, accepted, defineAdapter, type Inbound, type InboundRequest } from '../adapter.ts';
import { destination, secret } from '../settings.ts';
import { httpUrl } from './fields.ts';
import { postMessage } from './http-send.ts';
import { isLullSigned, isStandardSigned, lullHeaders, standardHeaders } from './signature.ts';
import { textChannelRules, withinLimit } from './text-channel.ts';
import { parseWire } from './wire.ts';

/** How requests on Lull's own wire format are signed, in both directions. */
export type Signing = {
  secret: z.ZodType<string>;
  sign: (secret: string, id: string, at: Date, body: string) => Record<string, string>;
  /** Whether a request is signed with this secret, at most five minutes ago. */
  verify: (request: InboundRequest, secret: string, now: Date) => boolean;
};

export const STANDARD_WEBHOOKS: Signing = {
  secret: z
    .string()
    .regex(STANDARD_SECRET, 'whsec_ and 24 to 64 bytes in base64')
    .describe('A Standard Webhooks secret, which signs requests in both directions'),
  sign: standardHeaders,
  verify: isStandardSigned,
};

export const LULL_SIGNATURE: Signing = {
  secret: z
    .string()
    .min(16)
    .describe('The secret that signs requests in both directions, in the header lull-signature'),
  sign: (secret, _id, at, body) => lullHeaders(secret, at, body),
  verify: isLullSigned,
};

/** The settings of every channel on Lull's own wire format. */
export const ownWireSettings = ({ secret: secretSchema }: Signing) =>
  z.strictObject({
    secret: secret(secretSchema),
    deliverUrl: destination(httpUrl.optional()).describe(
      'The URL to which messages to the customer are posted. Default: none; the platform reads them from the events',
    ),
    showSurvey: z.boolean().default(false).describe('Whether the client asks for a survey at the end'),
    showCloseMessage: z.boolean().default(false).describe('Whether the client shows a message at the end'),
  });
export type OwnWireSettings = z.output<ReturnType<typeof ownWireSettings>>;

/** The rules that channels on Lull's own wire format share. They have INACTIVATE (SF-2), bounded by the profile. */
export const ownWireRules: ChannelRules = { ...textChannelRules(4000), idempotentSends: true };

type OwnWireChannel<Settings extends OwnWireSettings> = Pick<
  Adapter,
  'id' | 'name' | 'rules' | 'variants'
> & {
  signing: Signing;
  /** `ownWireSettings(signing)`, possibly extended. */
  settings: z.ZodType<Settings>;
  /** Default: `configuredClosing` without a separator. */
  closing?: (context: ClosingContext<Settings>) => Closing;
  /** Default: Lull's own wire format. */
  parse?: (body: Uint8Array, settings: Settings) => Inbound;
};

/**
 * A channel whose platform speaks Lull's own wire format (`wire.ts`). Without `deliverUrl` the platform learns from
 * `conversation.ended` what to show; every message then counts as accepted.
 */
export function ownWireChannel<Settings extends OwnWireSettings>({
  signing,
  settings,
  parse = parseWire,
  closing = (context) =>
    closingFrom(context, configuredClosing(context, NO_SEPARATOR, kind.rules.textLimits.closeMessage)),
  ...kind
}: OwnWireChannel<Settings>): Adapter {
  return defineAdapter({
    ...kind,
    settings,
    sendsBy: 'deliverUrl',
    closing,
    inbound: {
      verify: (request, { settings, now }) => signing.verify(request, settings.secret, now()),
      parse: (request, { settings }) => parse(request.body, settings),
    },
    async deliver(message, context) {
      const { deliverUrl, secret } = context.settings;
      if (deliverUrl === undefined) return accepted(null);
      const body = JSON.stringify(message);
      const headers = {
        'content-type': 'application/json',
        ...signing.sign(secret, message.id, context.now(), body),
      };
      // Receipts carry the message's own id; the platform accepts each id once.
      return await postMessage(deliverUrl, { headers, body }, { messageId: () => message.id }, context);
    },
  });
}

const NO_SEPARATOR = [false, 'the channel has no separators'] as const;
/** LivePerson's clients show this text after an automatic close that is not silent (LP-9). */
const RESOLVED_BY_YOU = 'Conversation resolved by you';

/** Survey and close message, each only if the client is configured to show it (LP-9); `limit` is the longest text. */
export function configuredClosing(
  { endReason, endedBy, closeMessage, settings }: ClosingContext<OwnWireSettings>,
  separator: ClosingProposal['separator'],
  limit = ownWireRules.textLimits.closeMessage,
): ClosingProposal {
  const why = (shown: boolean) => `the client is configured ${shown ? '' : 'not '}to show it`;
  const text =
    closeMessage ??
    (endedBy === 'CUSTOMER' || isTimersEnd(endReason) ? RESOLVED_BY_YOU : 'Conversation resolved');
  return {
    survey: [settings.showSurvey, why(settings.showSurvey)],
    closeMessage: settings.showCloseMessage ? withinLimit(text, limit, why(true)) : [null, why(false)],
    separator,
  };
}
