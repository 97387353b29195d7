import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { type BodyRoom, openBodyRoom } from './body-memory.ts';
import { openSenders, type SenderOf } from './client-address.ts';
import type { Door, DoorLimits } from './overload.ts';
import { openRateLimit, type RateLimit, sendTooOften } from './rate-limit.ts';
import { type Lobby, openLobby } from './unsigned-requests.ts';

/**
 * The memory for bodies of authenticated callers and of verified webhook calls, in bytes: in all, and for each
 * account.
 */
const KNOWN_ROOM = { bytes: 192 * 1024 * 1024, placeBytes: 32 * 1024 * 1024 };
/**
 * The memory for bodies of other callers, in bytes: in all, and for each channel. A body must be complete before
 * its signature can be verified.
 */
const UNKNOWN_ROOM = { bytes: 64 * 1024 * 1024, placeBytes: 8 * 1024 * 1024 };
/** How long a request waits for admission. */
const WITHIN_MS = 5_000;

/** The limits that the API and webhooks share. */
export type Entrance = {
  door: Door;
  lobby: Lobby;
  senderOf: SenderOf;
  /** The memory for bodies of known callers. */
  knownBodies: BodyRoom;
  /** The memory for bodies of unknown callers. */
  unknownBodies: BodyRoom;
  /** Counts refused requests without a valid key or signature, by sender. */
  strangers: RateLimit;
};

export type EntranceOptions = DoorLimits & Pick<Config, 'trustedProxies' | 'unknownRequestsPerMinute'>;

/** Opens the limits that the API and webhooks share. */
export function openEntrance(clock: Pick<Clock, 'now'>, door: Door, options: EntranceOptions): Entrance {
  const { requestsAtOnce, requestsWaiting, waitMs = WITHIN_MS } = options;
  return {
    door,
    lobby: openLobby(door, { most: requestsAtOnce + requestsWaiting, withinMs: waitMs }),
    senderOf: openSenders(options.trustedProxies),
    knownBodies: openBodyRoom(KNOWN_ROOM),
    unknownBodies: openBodyRoom(UNKNOWN_ROOM),
    strangers: openRateLimit(clock, options.unknownRequestsPerMinute),
  };
}

/**
 * Refuses a request of an unknown caller, with 429 if its sender was refused too often. Valid requests never come
 * here, so they are not affected by others with the same address, such as a proxy's or a provider's.
 */
export function refuseStranger(
  { strangers }: Entrance,
  sender: string,
  response: ServerResponse,
  refuse: () => void,
): void {
  const waitMs = strangers.take(sender);
  if (waitMs > 0) sendTooOften(response, waitMs, strangers, 'one address without a valid key');
  else refuse();
}
