import type { Destination } from '../db/rows/outbox-claims.ts';
import type { Health } from './effect-result.ts';

/** How many sends may be under way in a process, and when they count as slow. */
export type PlaceLimits = {
  /** In all. */
  all: number;
  /** Of these, to destinations that have not answered lately, or that keep a send waiting: the others are never short of places. */
  unproven: number;
  /** Not answered yet, and not stalled: what the process and the database work on. */
  prompt: number;
  /** Of one account, in all, and to its unproven destinations. */
  account: number;
  accountUnproven: number;
  /** To one destination that answers; it begins with one, and each prompt answer doubles that. */
  destination: number;
  /** An account's own work, for which nobody outside is asked. */
  own: number;
  /** A send without an answer for so long has stalled; an answer after `slowMs` is no prompt one. */
  stalledMs: number;
  slowMs: number;
};

export const PLACE_LIMITS: PlaceLimits = {
  ...{ all: 500, unproven: 400, prompt: 50 },
  ...{ account: 60, accountUnproven: 40, destination: 16, own: 4 },
  ...{ stalledMs: 500, slowMs: 5_000 },
};

/** A send that is under way. */
export type Place = {
  /** Gives the place back, with what was learned of the destination. */
  leave(health?: Health): void;
};

/** The places of a process: who may begin how many sends. */
export type SendPlaces = {
  /** Takes a place; null: there is none for this destination just now. */
  take(destination: Destination): Place | null;
  /** How many are taken, and how many of these have stalled. */
  load(): { sending: number; stalled: number };
};

type Seen = { limit: number; sending: number; stalled: number; isProven: boolean };
type Count = { sending: number; unproven: number };

/** Destinations that a process remembers though nothing is under way to them. */
const REMEMBERED = 10_000;

/**
 * Opens the places of a process. A destination that does not answer has one of them, and one that answers in time has up
 * to 16; what hangs can take all places for the unproven, and none of those kept for destinations that answer.
 */
export function openPlaces(limits: PlaceLimits = PLACE_LIMITS): SendPlaces {
  const destinations = new Map<string, Seen>();
  const accounts = new Map<string, Count>();
  const all = { sending: 0, unproven: 0, stalled: 0 };

  function seen({ accountId, destinationId }: Destination): Seen {
    const known = destinations.get(destinationId);
    if (known) return known;
    const isOwn = accountId === destinationId;
    const fresh = { limit: isOwn ? limits.own : 1, sending: 0, stalled: 0, isProven: isOwn };
    destinations.set(destinationId, fresh);
    forget(destinations);
    return fresh;
  }

  return {
    load: () => ({ sending: all.sending, stalled: all.stalled }),

    take(destination) {
      const { accountId } = destination;
      const at = seen(destination);
      const account = accounts.get(accountId) ?? { sending: 0, unproven: 0 };
      const isUnproven = !at.isProven || at.stalled > 0;
      if (at.sending >= at.limit || all.sending >= limits.all || account.sending >= limits.account)
        return null;
      if (all.sending - all.stalled >= limits.prompt) return null;
      if (isUnproven && (all.unproven >= limits.unproven || account.unproven >= limits.accountUnproven))
        return null;
      accounts.set(accountId, account);
      const counts = [all, account, at];
      for (const count of counts) count.sending++;
      const place = { isUnproven, isStalled: false, isSlow: false };
      if (isUnproven) for (const count of [all, account]) count.unproven++;

      function stall(): void {
        place.isStalled = true;
        for (const count of [all, at]) count.stalled++;
        if (!place.isUnproven) for (const count of [all, account]) count.unproven++;
        place.isUnproven = true;
        timer = setTimeout(() => {
          place.isSlow = true;
        }, limits.slowMs - limits.stalledMs).unref();
      }
      let timer = setTimeout(stall, limits.stalledMs).unref();

      let hasLeft = false;
      return {
        leave(health) {
          if (hasLeft) return;
          hasLeft = true;
          clearTimeout(timer);
          for (const count of counts) count.sending--;
          if (place.isUnproven) for (const count of [all, account]) count.unproven--;
          if (place.isStalled) for (const count of [all, at]) count.stalled--;
          if (account.sending === 0) accounts.delete(accountId);
          if (health !== undefined) learn(at, health, place.isSlow, limits);
        },
      };
    },
  };
}

/** What an attempt says of how many sends its destination can take at a time. */
function learn(at: Seen, health: Health, isSlow: boolean, { destination }: PlaceLimits): void {
  const half = Math.max(1, Math.floor(at.limit / 2));
  if (health.kind === 'FAILED') at.limit = 1;
  else if (health.kind === 'BUSY' || isSlow) at.limit = half;
  else at.limit = Math.min(at.limit * 2, destination);
  at.isProven = health.kind !== 'FAILED' && !isSlow;
}

function forget(destinations: Map<string, Seen>): void {
  if (destinations.size <= REMEMBERED) return;
  for (const [id, { sending }] of destinations) {
    if (sending === 0) destinations.delete(id);
    if (destinations.size <= REMEMBERED) return;
  }
}
