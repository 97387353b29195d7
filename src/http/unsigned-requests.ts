import type { ServerResponse } from 'node:http';
import type { Door } from './overload.ts';

/**
 * Where it is found out who a request is by. It takes no place of those who are known: it has its own bound, in number
 * and time, and what it asks the database is asked for all who wait together.
 */
export type Lobby = {
  /** Does work for a request of which nobody knows yet whose it is. Null where it has been answered instead, or its caller hung up. */
  within<Done>(response: ServerResponse, work: () => Promise<Done>): Promise<{ done: Done } | null>;
};

/** Opens the lobby: so many are in it at a time, for so long each; others are answered 503 with Retry-After. */
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
      // It counts until its work has ended, whoever waits for it.
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
