import type { ServerResponse } from 'node:http';
import type { Admission } from './admission.ts';

/**
 * The queue in which requests are authenticated. It has limits of its own, in number and time, so that it takes no
 * capacity of authenticated callers. Database look-ups are shared by all waiting requests.
 */
export type AuthenticationQueue = {
  /**
   * Runs work for a request whose caller is not known yet. Null if the request was answered instead, or its caller
   * disconnected.
   */
  within<Done>(response: ServerResponse, work: () => Promise<Done>): Promise<{ done: Done } | null>;
};

/** Opens the queue for so many requests, each for so long. Others are answered 503 with Retry-After. */
export function openAuthenticationQueue(
  admission: Pick<Admission, 'refuse' | 'isBehind'>,
  { most, withinMs }: { most: number; withinMs: number },
): AuthenticationQueue {
  let within = 0;
  return {
    async within(response, work) {
      if (response.destroyed) return null;
      if (admission.isBehind() || within >= most) {
        admission.refuse(response, admission.isBehind() ? 'event_loop' : 'full');
        return null;
      }
      within++;
      const answered = Promise.withResolvers<null>();
      const patience = setTimeout(() => {
        admission.refuse(response, 'waited');
        answered.resolve(null);
      }, withinMs);
      const hangUp = () => answered.resolve(null);
      response.once('close', hangUp);
      // A request counts until its work has ended, even if its caller no longer waits.
      const working = work().finally(() => within--);
      try {
        return await Promise.race([working.then((done) => ({ done })), answered.promise]);
      } finally {
        working.catch(() => {});
        clearTimeout(patience);
        response.off('close', hangUp);
      }
    },
  };
}
