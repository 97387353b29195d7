import type { Destination, Places } from '../db/rows/outbox-claims.ts';
import type { Place, SendPlaces } from './send-places.ts';

/** Places that were taken for a destination, before it is known what is sent in them. */
export type Pick = Places & { taken: Place[] };

/** Destinations to which something is due, as far as a process knows: they take turns by account, and in each by destination. */
export type SendTurns = {
  add(destination: Destination): void;
  /** Nothing more is due to it. */
  remove(destination: Destination): void;
  /** Takes what places there are, one for each whose turn it is. A destination that is not let now keeps its turn. */
  pick(places: SendPlaces, isLet: (destinationId: string) => boolean): Pick[];
};

/** Opens the turns, in which nobody has one yet. */
export function openTurns(): SendTurns {
  // Maps keep the order of insertion: who has had a turn goes to the end.
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
    pick(places, isLet) {
      const picks = new Map<string, Pick>();
      const given = (destination: Destination) =>
        isLet(destination.destinationId) ? places.take(destination) : null;
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
