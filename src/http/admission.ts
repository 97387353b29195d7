import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { type BodyRoom, openBodyRoom } from './body-memory.ts';
import { openSenders, type SenderOf } from './client-address.ts';
import type { Door, DoorLimits } from './overload.ts';
import { openRateLimit, type RateLimit, sendTooOften } from './rate-limit.ts';
import { type Lobby, openLobby } from './unsigned-requests.ts';

/** Bodies kept at a time, in bytes: of those who have shown a key or a good signature, for all and for each account. */
const KNOWN_ROOM = { bytes: 192 * 1024 * 1024, placeBytes: 32 * 1024 * 1024 };
/** The same of those who have not, for all and for each channel. A body is read whole before it can be found genuine. */
const UNKNOWN_ROOM = { bytes: 64 * 1024 * 1024, placeBytes: 8 * 1024 * 1024 };
/** As long as a request waits for its turn. */
const WITHIN_MS = 5_000;

/** What both ways in share: who is let in how often, and what is kept of whom. */
export type Entrance = {
  door: Door;
  lobby: Lobby;
  senderOf: SenderOf;
  /** Room for bodies of callers who are known. */
  knownBodies: BodyRoom;
  /** Room for bodies of callers who may be anybody. */
  unknownBodies: BodyRoom;
  /** Refusals of requests without a valid key or signature, by sender. */
  strangers: RateLimit;
};

export type EntranceOptions = DoorLimits & Pick<Config, 'trustedProxies' | 'unknownRequestsPerMinute'>;

/** Opens what both ways in share. */
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
 * Refuses a request of nobody who is known: as given, or with 429 where its sender was refused too often. One that is
 * genuine never comes here, whoever shares its address: a proxy, or the servers of a provider.
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
