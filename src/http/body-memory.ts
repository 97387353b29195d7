/** Whose a body is: a place (a channel, an account) has its own share of the room, and senders share the place's. */
export type BodyOwner = { place: string; sender: string };

/** A body that is being read, or has been, and is kept for its request. */
type KeptBody = {
  /** Takes note of so many bytes more; false where there is no room for them: then the request has to be refused. */
  grow(bytes: number): boolean;
  /** It has been read whole: nobody else can take its room from now on. */
  complete(): void;
  /** Nothing is kept of it any more. May be called again. */
  free(): void;
};

/** Room in memory for the bodies of requests. */
export type BodyRoom = {
  /** Begins a body; `evict` is called, once, where its room is given to another one before all of it has come. */
  open(owner: BodyOwner, evict: () => void): KeptBody;
  keptBytes(): number;
};

type Body = { owner: BodyOwner; bytes: number; isComplete: boolean; evict: () => void };

/** Each counts for so much at least, so that very many of a few bytes are bounded too. */
const LEAST_BYTES = 4_096;

/**
 * Opens room for bodies: so much for all places together, and so much for each. Where it is full, the new body is taken
 * and another one goes: in the place that is full (or, for all together, that holds most), of the sender who holds most
 * of what has not come whole, the body that was begun first. Who sends all of it soon is never that one.
 */
export function openBodyRoom({ bytes, placeBytes }: { bytes: number; placeBytes: number }): BodyRoom {
  /** Of each place, its bodies in the order in which they were begun. */
  const places = new Map<string, Set<Body>>();
  const placeSums = new Map<string, number>();
  let sum = 0;

  function add(body: Body, more: number): void {
    body.bytes += more;
    sum += more;
    placeSums.set(body.owner.place, (placeSums.get(body.owner.place) ?? 0) + more);
  }

  function remove(body: Body): void {
    const { place } = body.owner;
    const bodies = places.get(place);
    if (!bodies?.delete(body)) return;
    add(body, -body.bytes);
    if (bodies.size > 0) return;
    places.delete(place);
    placeSums.delete(place);
  }

  /** Makes room in a place; false where all that is kept there has come whole. */
  function evictIn(place: string): boolean {
    const victim = slowestOf(places.get(place) ?? []);
    if (victim === null) return false;
    remove(victim);
    victim.evict();
    return true;
  }

  /** The places that hold most come first. */
  function evictAnywhere(): boolean {
    const fullest = [...placeSums].sort(([, a], [, b]) => b - a);
    return fullest.some(([place]) => evictIn(place));
  }

  return {
    keptBytes: () => sum,
    open(owner, evict) {
      const body: Body = { owner, bytes: 0, isComplete: false, evict };
      let came = 0;
      const bodies = places.get(owner.place) ?? new Set();
      places.set(owner.place, bodies.add(body));

      function makeRoom(more: number): boolean {
        while ((placeSums.get(owner.place) ?? 0) + more > placeBytes && places.get(owner.place)?.has(body))
          if (!evictIn(owner.place)) return false;
        while (sum + more > bytes && places.get(owner.place)?.has(body)) if (!evictAnywhere()) return false;
        return places.get(owner.place)?.has(body) ?? false;
      }

      return {
        grow(more) {
          came += more;
          const needed = Math.max(LEAST_BYTES, came) - body.bytes;
          if (needed > 0 && !makeRoom(needed)) return false;
          if (needed > 0) add(body, needed);
          return true;
        },
        complete() {
          body.isComplete = true;
        },
        free: () => remove(body),
      };
    },
  };
}

/** Of the sender who holds most of what has not come whole, the body that was begun first. */
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
