import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** Counts a message on a channel. Returns the milliseconds that it has to wait, 0 for none. */
export type SendLimit = (channelId: string) => Promise<number>;

/**
 * Limits the messages that this process sends on each channel. A message over the limit does not count and waits for the
 * next second. Until then the sender claims nothing of the channel, so the effect that is due first goes first.
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
