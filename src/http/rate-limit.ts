import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { send } from './respond.ts';

/** Counts events by key, in windows of a minute that start with the first event. */
export type RateLimit = {
  /** Counts one event; returns the milliseconds to wait, 0 if the limit is not exceeded. */
  take(who: string): number;
  perMinute: number;
};

const WINDOW_MS = 60_000;
/** The maximum number of counted keys. Above it, the oldest windows are dropped. */
const MOST_COUNTED = 20_000;

/** Opens a limit of events a minute for each key. Its memory is bounded. */
export function openRateLimit(clock: Pick<Clock, 'now'>, perMinute: number, most = MOST_COUNTED): RateLimit {
  /** In the order in which the windows started. */
  const counted = new Map<string, { count: number; since: number }>();
  const isOver = (since: number, now: number) => now - since >= WINDOW_MS || now < since;
  return {
    perMinute,
    take(who) {
      const now = clock.now().getTime();
      for (const [first, { since }] of counted) {
        if (!isOver(since, now) && counted.size < most) break;
        counted.delete(first);
      }
      const own = counted.get(who) ?? { count: 0, since: now };
      own.count++;
      counted.set(who, own);
      return own.count <= perMinute ? 0 : Math.max(1, own.since + WINDOW_MS - now);
    },
  };
}

/** Whose requests a limit counts, for its message. */
export type Counted = 'one key' | 'one account' | 'one address without a valid key';

/** Answers 429 with Retry-After. */
export function sendTooOften(
  response: ServerResponse,
  waitMs: number,
  { perMinute }: RateLimit,
  of: Counted,
): void {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  response.setHeader('retry-after', retryAfterSeconds);
  const message = `more than ${perMinute} requests in a minute of ${of}: try again in ${retryAfterSeconds} s`;
  const extensions = { code: 'RATE_LIMITED', max: perMinute, retryAfterSeconds };
  send(response, 429, { errors: [{ message, extensions }] });
}
