/**
 * The owner of a body: a channel or an account, and the sender. Each channel or account has its own share of the
 * memory.
 */
export type BodyOwner = { place: string; sender: string };

/** A body that is being read, or is kept for its request. */
type KeptBody = {
  /** Reserves more bytes; false if there is no memory for them, so that the request must be refused. */
  grow(bytes: number): boolean;
  /** Marks the body as complete. It can no longer be dropped. */
  complete(): void;
  /** Releases the memory of the body. It can be called repeatedly. */
  free(): void;
};

/** A memory budget for the bodies of requests. */
export type BodyBudget = {
  /**
   * Starts a body. `evict` is called once if it is dropped in favour of another one before it is complete.
   */
  open(owner: BodyOwner, evict: () => void): KeptBody;
  keptBytes(): number;
};

type Body = { owner: BodyOwner; bytes: number; isComplete: boolean; evict: () => void };

/** The minimum that each body counts, so that the number of small bodies is bounded too. */
const LEAST_BYTES = 4_096;

/**
 * Opens a memory budget: a total, and a share for each account or channel. If it is full, the new body is accepted
 * and another is dropped: the oldest incomplete body of the sender that uses most, in the full share or in the
 * largest one. A sender that sends quickly is never affected.
 */
export function openBodyBudget({ bytes, placeBytes }: { bytes: number; placeBytes: number }): BodyBudget {
  const bodies = openBodies();

  /** Frees memory for a body; false if there is none, or the body itself was dropped. */
  function freeMemory(body: Body, more: number): boolean {
    const { place } = body.owner;
    while (bodies.sumOf(place) + more > placeBytes && bodies.has(body))
      if (!bodies.evictIn(place)) return false;
    while (bodies.sum() + more > bytes && bodies.has(body)) if (!bodies.evictAnywhere()) return false;
    return bodies.has(body);
  }

  return {
    keptBytes: bodies.sum,
    open(owner, evict) {
      const body: Body = { owner, bytes: 0, isComplete: false, evict };
      let came = 0;
      bodies.add(body);
      return {
        grow(more) {
          came += more;
          const needed = Math.max(LEAST_BYTES, came) - body.bytes;
          if (needed > 0 && !freeMemory(body, needed)) return false;
          if (needed > 0) bodies.grow(body, needed);
          return true;
        },
        complete() {
          body.isComplete = true;
        },
        free: () => bodies.remove(body),
      };
    },
  };
}

/** The bodies in memory, by share, and the bytes that they use. */
function openBodies() {
  /** Of each place, its bodies in the order in which they were begun. */
  const places = new Map<string, Set<Body>>();
  const placeSums = new Map<string, number>();
  let sum = 0;

  function grow(body: Body, more: number): void {
    body.bytes += more;
    sum += more;
    placeSums.set(body.owner.place, (placeSums.get(body.owner.place) ?? 0) + more);
  }

  function remove(body: Body): void {
    const { place } = body.owner;
    const bodies = places.get(place);
    if (!bodies?.delete(body)) return;
    grow(body, -body.bytes);
    if (bodies.size > 0) return;
    places.delete(place);
    placeSums.delete(place);
  }

  /** Frees memory in a share; false if all its bodies are complete. */
  function evictIn(place: string): boolean {
    const victim = slowestOf(places.get(place) ?? []);
    if (victim === null) return false;
    remove(victim);
    victim.evict();
    return true;
  }

  return {
    grow,
    remove,
    evictIn,
    /** Frees memory in the largest share that has an incomplete body; false if none has. */
    evictAnywhere: () => [...placeSums].sort(([, a], [, b]) => b - a).some(([place]) => evictIn(place)),
    add(body: Body): void {
      const { place } = body.owner;
      places.set(place, (places.get(place) ?? new Set()).add(body));
    },
    has: (body: Body) => places.get(body.owner.place)?.has(body) ?? false,
    sum: () => sum,
    sumOf: (place: string) => placeSums.get(place) ?? 0,
  };
}

/** The oldest incomplete body of the sender that uses most memory with incomplete bodies. */
function slowestOf(bodies: Iterable<Body>): Body | null {
  const senders = new Map<string, { bytes: number; first: Body }>();
  for (const body of bodies) {
    if (body.isComplete) continue;
    const known = senders.get(body.owner.sender);
    if (known === undefined) senders.set(body.owner.sender, { bytes: body.bytes, first: body });
    else known.bytes += body.bytes;
  }
  let most: { bytes: number; first: Body } | null = null;
  for (const sender of senders.values()) if (most === null || sender.bytes > most.bytes) most = sender;
  return most?.first ?? null;
}
