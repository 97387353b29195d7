import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** Counts a message to a channel's customers; how many milliseconds it has to wait, 0 for not at all. */
export type SendLimit = (channelId: string) => Promise<number>;

/**
 * Lets each channel have so many messages a second from this process. Those that have to wait are spread over the seconds to
 * come, lest all of them ask again at once.
 */
export function sendLimit(perSecond: number): SendLimit {
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  return async (channelId) => {
    try {
      await limiter.consume(channelId);
      return 0;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      // Those that were refused count too.
      const secondsAhead = Math.floor((refusal.consumedPoints - perSecond - 1) / perSecond);
      return Math.max(1, refusal.msBeforeNext) + secondsAhead * 1000;
    }
  };
}
