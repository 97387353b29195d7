import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** Counts a message to a channel's customers; how many milliseconds it has to wait, 0 for not at all. */
export type SendLimit = (channelId: string) => Promise<number>;

/**
 * Lets each channel have so many messages a second from this process. One that has to wait is told when the next second
 * begins, and does not count: until then the relay asks for no other of that channel, so the longest due go first.
 */
export function sendLimit(perSecond: number): SendLimit {
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  return async (channelId) => {
    try {
      await limiter.consume(channelId);
      return 0;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, refusal.msBeforeNext);
    }
  };
}
