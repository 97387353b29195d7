import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Admission, AdmissionLimits } from './admission.ts';
import { type AuthenticationQueue, openAuthenticationQueue } from './authentication-queue.ts';
import { type BodyBudget, openBodyBudget } from './body-memory.ts';
import { openSenders, type SenderOf } from './client-address.ts';
import { openRateLimit, type RateLimit, sendTooOften } from './rate-limit.ts';

/**
 * The memory for bodies of authenticated callers and of verified webhook calls, in bytes: in all, and for each
 * account.
 */
const KNOWN_BUDGET = { bytes: 192 * 1024 * 1024, placeBytes: 32 * 1024 * 1024 };
/**
 * The memory for bodies of other callers, in bytes: in all, and for each channel. A body must be complete before
 * its signature can be verified.
 */
const UNKNOWN_BUDGET = { bytes: 64 * 1024 * 1024, placeBytes: 8 * 1024 * 1024 };
/** How long a request waits for admission. */
const WITHIN_MS = 5_000;

/** The limits that the API and webhooks share. */
export type RequestLimits = {
  admission: Admission;
  authentication: AuthenticationQueue;
  senderOf: SenderOf;
  /** The memory for bodies of known callers. */
  knownBodies: BodyBudget;
  /** The memory for bodies of unknown callers. */
  unknownBodies: BodyBudget;
  /** Counts refused requests without a valid key or signature, by sender. */
  unknownCallers: RateLimit;
};

export type RequestLimitOptions = AdmissionLimits &
  Pick<Config, 'trustedProxies' | 'unknownRequestsPerMinute'>;

/** Opens the limits that the API and webhooks share. */
export function openRequestLimits(
  clock: Pick<Clock, 'now'>,
  admission: Admission,
  options: RequestLimitOptions,
): RequestLimits {
  const { requestsAtOnce, requestsWaiting, waitMs = WITHIN_MS } = options;
  return {
    admission,
    authentication: openAuthenticationQueue(admission, {
      most: requestsAtOnce + requestsWaiting,
      withinMs: waitMs,
    }),
    senderOf: openSenders(options.trustedProxies),
    knownBodies: openBodyBudget(KNOWN_BUDGET),
    unknownBodies: openBodyBudget(UNKNOWN_BUDGET),
    unknownCallers: openRateLimit(clock, options.unknownRequestsPerMinute),
  };
}

/**
 * Refuses a request of an unknown caller, with 429 if its sender was refused too often. Valid requests never come
 * here, so they are not affected by others with the same address, such as a proxy's or a provider's.
 */
export function refuseUnknown(
  { unknownCallers }: RequestLimits,
  sender: string,
  response: ServerResponse,
  refuse: () => void,
): void {
  const waitMs = unknownCallers.take(sender);
  if (waitMs > 0) sendTooOften(response, waitMs, unknownCallers, 'one address without a valid key');
  else refuse();
}
