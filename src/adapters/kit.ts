import { parseDuration } from '../domain/time/duration.ts';

/**
 * The public API for adapters, `lull/adapters`. It stays compatible from one version to the next, or the changelog says
 * what to change.
 */
export { z } from 'zod';
export {
  type Closing,
  type ClosingContext,
  type ClosingProposal,
  type Consent,
  closingFrom,
  type EndedBy,
  type EndReason,
  isTimersEnd,
  silence,
} from '../domain/closing/closing.ts';
export type { ReceiptState } from '../domain/conversation/activity.ts';
export {
  ALL_OPT_OUT_WORDS,
  HELP_WORDS,
  type Keyword,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
} from '../domain/conversation/keyword.ts';
export { InvalidInputError } from '../domain/errors.ts';
export {
  type Bounds,
  type ChannelRules,
  TIMER_KINDS,
  type TimerKind,
} from '../domain/policy/channel-rules.ts';
export { retryAfterMs } from '../domain/time/retry-after.ts';
export {
  type Adapter,
  type AdapterContext,
  accepted,
  type ChannelSettings,
  type DeliverResult,
  defineAdapter,
  type Inbound,
  type InboundEcho,
  type InboundEnd,
  type InboundEvent,
  type InboundLeave,
  type InboundMessage,
  type InboundReceipt,
  type InboundReply,
  type InboundRequest,
  limited,
  type OutboundMessage,
  rejected,
  retry,
} from './adapter.ts';
export { type AdapterSamples, adapterContract, type ContractCase } from './contract/contract.ts';
export { parseSettings } from './registry.ts';
export { destination, secret } from './settings.ts';
export {
  decodeText,
  type Item,
  identifier,
  identifierOrNumber,
  instant,
  locale,
  readBody,
  readItems,
  unixMilliseconds,
  unixSeconds,
} from './shared/fields.ts';
export { isRetryable, postMessage, type ResponseFormat, retryResult } from './shared/http-send.ts';
export { pathSegment } from './shared/path-segment.ts';
export { constantTimeEqual, isRecent } from './shared/signature.ts';
export { closingTextSettings, sendText, textClosing, withinLimit } from './shared/text-channel.ts';

/** Parses an ISO 8601 duration such as `PT24H`. @throws InvalidInputError for any other text */
export function duration(text: string): ReturnType<typeof parseDuration> {
  return parseDuration(text, 'duration');
}
