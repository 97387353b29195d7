import type { Destination, Places } from '../db/rows/outbox-claims.ts';
import type { Place, SendPlaces } from './send-places.ts';

/** Places taken for a destination before its effects are claimed. */
type Pick = Places & { taken: Place[] };

/** Destinations with due effects, as far as this process knows. Accounts take turns, and so do the destinations of each account. */
export type SendTurns = {
  add(destination: Destination): void;
  /** Removes a destination to which nothing more is due. */
  remove(destination: Destination): void;
  /** Takes all free places in turn. A destination that is not allowed now keeps its turn. */
  pick(places: SendPlaces, isAllowed: (destinationId: string) => boolean): Pick[];
};

/** Opens turns without destinations. */
export function openTurns(): SendTurns {
  // Maps keep the order of insertion: after a turn the account and the destination move to the end.
  const accounts = new Map<string, Map<string, Destination>>();

  function takeOne(accountId: string, given: (destination: Destination) => Place | null) {
    const own = accounts.get(accountId) as Map<string, Destination>;
    for (const destination of own.values()) {
      const place = given(destination);
      if (place === null) continue;
      own.delete(destination.destinationId);
      own.set(destination.destinationId, destination);
      accounts.delete(accountId);
      accounts.set(accountId, own);
      return { destination, place };
    }
    return null;
  }

  return {
    add({ accountId, destinationId }) {
      const own = accounts.get(accountId) ?? new Map<string, Destination>();
      accounts.set(accountId, own);
      if (!own.has(destinationId)) own.set(destinationId, { accountId, destinationId });
    },
    remove({ accountId, destinationId }) {
      const own = accounts.get(accountId);
      own?.delete(destinationId);
      if (own?.size === 0) accounts.delete(accountId);
    },
    pick(places, isAllowed) {
      const picks = new Map<string, Pick>();
      const given = (destination: Destination) =>
        isAllowed(destination.destinationId) ? places.take(destination) : null;
      let waiting = [...accounts.keys()];
      while (waiting.length > 0)
        waiting = waiting.filter((accountId) => {
          const one = takeOne(accountId, given);
          if (one === null) return false;
          const { destinationId } = one.destination;
          const pick = picks.get(destinationId) ?? { ...one.destination, places: 0, taken: [] };
          picks.set(destinationId, { ...pick, places: pick.places + 1, taken: [...pick.taken, one.place] });
          return true;
        });
      return [...picks.values()];
    },
  };
}
