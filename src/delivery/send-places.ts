import type { Destination } from '../db/rows/outbox-claims.ts';
import type { Health } from './effect-result.ts';

/** The limits of sends under way in a process. A destination is unproven until it answers in time, and while one of its sends has stalled. */
export type PlaceLimits = {
  /** In total. */
  all: number;
  /** To unproven destinations, so that the others always find places. */
  unproven: number;
  /** Neither answered nor stalled yet: the load on the process and on the database. */
  prompt: number;
  /** Of one account, in total, and to its unproven destinations. */
  account: number;
  accountUnproven: number;
  /** To one destination that answers. It begins with one place, and each answer in time doubles that. */
  destination: number;
  /** An account's own work, which requests nothing of a destination. */
  own: number;
  /** A send without an answer for `stalledMs` has stalled; an answer after `slowMs` is late. */
  stalledMs: number;
  slowMs: number;
};

export const PLACE_LIMITS: PlaceLimits = {
  ...{ all: 500, unproven: 400, prompt: 50 },
  ...{ account: 60, accountUnproven: 40, destination: 16, own: 4 },
  ...{ stalledMs: 500, slowMs: 5_000 },
};

/** The place of one send under way. */
export type Place = {
  /** Frees the place, and learns from the health of the destination. A second call does nothing. */
  leave(health?: Health): void;
};

/** The places of a process. */
export type SendPlaces = {
  /** Takes a place; null: the destination has none free. */
  take(destination: Destination): Place | null;
  /** The number of places taken, and of those the stalled ones. */
  load(): { sending: number; stalled: number };
};

type Count = { sending: number; unproven: number; stalled: number };
/** What a process knows of a destination. `limit`: its places. */
type Known = Count & { limit: number; isProven: boolean };

/** The maximum number of remembered destinations without a send under way. */
const MAX_REMEMBERED = 10_000;
const NOTHING: Count = { sending: 0, unproven: 0, stalled: 0 };

/** Opens the places of a process. Stalled sends can take all places of unproven destinations, and none of the others. */
export function openPlaces(limits: PlaceLimits = PLACE_LIMITS): SendPlaces {
  const destinations = new Map<string, Known>();
  const accounts = new Map<string, Count>();
  const all = { ...NOTHING };

  function knownOf({ accountId, destinationId }: Destination): Known {
    const known = destinations.get(destinationId);
    if (known) return known;
    const isOwn = accountId === destinationId;
    const fresh = { ...NOTHING, limit: isOwn ? limits.own : 1, isProven: isOwn };
    destinations.set(destinationId, fresh);
    forget(destinations);
    return fresh;
  }

  return {
    load: () => ({ sending: all.sending, stalled: all.stalled }),
    take(destination) {
      const { accountId } = destination;
      const known = knownOf(destination);
      const account = accounts.get(accountId) ?? { ...NOTHING };
      const isUnproven = !known.isProven || known.stalled > 0;
      if (known.sending >= known.limit || !isFree(limits, { all, account, isUnproven })) return null;
      accounts.set(accountId, account);
      const place = openPlace([all, account, known], isUnproven, limits);
      return {
        leave(health) {
          const left = place.leave();
          if (left === null) return;
          if (account.sending === 0) accounts.delete(accountId);
          if (health !== undefined) learn(known, health, left.isSlow, limits);
        },
      };
    },
  };
}

function isFree(
  limits: PlaceLimits,
  { all, account, isUnproven }: { all: Count; account: Count; isUnproven: boolean },
): boolean {
  if (all.sending >= limits.all || account.sending >= limits.account) return false;
  if (all.sending - all.stalled >= limits.prompt) return false;
  return !isUnproven || (all.unproven < limits.unproven && account.unproven < limits.accountUnproven);
}

/** Counts a send in `counts` until it leaves: as unproven from the beginning or once it stalls, and as stalled. */
function openPlace(counts: readonly Count[], isUnproven: boolean, { stalledMs, slowMs }: PlaceLimits) {
  const counted = { ...NOTHING };
  let isSlow = false;
  let hasLeft = false;
  function count(what: keyof Count): void {
    if (counted[what] > 0) return;
    counted[what] = 1;
    for (const each of counts) each[what]++;
  }
  count('sending');
  if (isUnproven) count('unproven');
  let timer = setTimeout(() => {
    count('stalled');
    count('unproven');
    timer = setTimeout(() => {
      isSlow = true;
    }, slowMs - stalledMs).unref();
  }, stalledMs).unref();
  return {
    /** Uncounts the send, and says whether its answer is late; null if it has left already. */
    leave(): { isSlow: boolean } | null {
      if (hasLeft) return null;
      hasLeft = true;
      clearTimeout(timer);
      for (const each of counts)
        for (const what of ['sending', 'unproven', 'stalled'] as const) each[what] -= counted[what];
      return { isSlow };
    },
  };
}

/** Adapts the places of a destination to its health. */
function learn(known: Known, health: Health, isSlow: boolean, { destination }: PlaceLimits): void {
  if (health.kind === 'FAILED') known.limit = 1;
  else if (health.kind === 'BUSY' || isSlow) known.limit = Math.max(1, Math.floor(known.limit / 2));
  else known.limit = Math.min(known.limit * 2, destination);
  known.isProven = health.kind !== 'FAILED' && !isSlow;
}

function forget(destinations: Map<string, Known>): void {
  if (destinations.size <= MAX_REMEMBERED) return;
  for (const [id, { sending }] of destinations) {
    if (sending === 0) destinations.delete(id);
    if (destinations.size <= MAX_REMEMBERED) return;
  }
}
