import { parseDuration } from '../domain/duration.ts';

/**
 * All that an adapter is made of: `lull/adapters`. What stands here stays as it is from one version to the next, or
 * the changelog says what to do.
 */
export { z } from 'zod';
export type { ReceiptState } from '../domain/activity.ts';
export { type Bounds, type ChannelRules, TIMER_KINDS, type TimerKind } from '../domain/channel-rules.ts';
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
} from '../domain/closing.ts';
export { InvalidInputError } from '../domain/errors.ts';
export {
  ALL_OPT_OUT_WORDS,
  HELP_WORDS,
  type Keyword,
  OPT_IN_WORDS,
  PLAIN_OPT_OUT_WORDS,
} from '../domain/keyword.ts';
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
export { type Answers, isPassing, notNow, post, retryAfterMs } from './answer.ts';
export { type AdapterSamples, adapterContract, type ContractCase } from './contract.ts';
export {
  type Item,
  instant,
  locale,
  readBody,
  readItems,
  textOf,
  unixMilliseconds,
  unixSeconds,
  word,
  wordOrNumber,
} from './fields.ts';
export { pathSegment } from './path.ts';
export { parseSettings } from './registry.ts';
export { destination, secret } from './settings.ts';
export { isRecent, isSame } from './signature.ts';
export { asTexted, closingTexts, fitting, textFor } from './texting.ts';

/** The duration of an ISO 8601 text such as `PT24H`. @throws InvalidInputError for any other text */
export function duration(text: string): ReturnType<typeof parseDuration> {
  return parseDuration(text, 'duration');
}
