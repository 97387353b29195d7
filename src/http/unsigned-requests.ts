import type { ServerResponse } from 'node:http';
import type { Door } from './overload.ts';

/**
 * The queue in which requests are authenticated. It has limits of its own, in number and time, so that it takes no
 * capacity of authenticated callers. Database look-ups are shared by all waiting requests.
 */
export type Lobby = {
  /**
   * Runs work for a request whose caller is not known yet. Null if the request was answered instead, or its caller
   * disconnected.
   */
  within<Done>(response: ServerResponse, work: () => Promise<Done>): Promise<{ done: Done } | null>;
};

/** Opens the queue for so many requests, each for so long. Others are answered 503 with Retry-After. */
export function openLobby(
  door: Pick<Door, 'refuse' | 'isBehind'>,
  { most, withinMs }: { most: number; withinMs: number },
): Lobby {
  let within = 0;
  return {
    async within(response, work) {
      if (response.destroyed) return null;
      if (door.isBehind() || within >= most) {
        door.refuse(response, door.isBehind() ? 'event_loop' : 'full');
        return null;
      }
      within++;
      const answered = Promise.withResolvers<null>();
      const patience = setTimeout(() => {
        door.refuse(response, 'waited');
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
