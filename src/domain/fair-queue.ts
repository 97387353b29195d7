/** A queue in which parties take turns, and each party's entries keep their order. */
export type FairQueue<Item> = {
  add(party: string, item: Item): void;
  /** Removes an entry before its turn; does nothing if it is not in the queue. */
  remove(party: string, item: Item): void;
  /**
   * Removes the first entry of the party whose turn it is, among those that may be served; null if there is none.
   */
  next(mayServe?: (party: string) => boolean): Item | null;
  /** The number of entries, of all parties or of one. */
  size(party?: string): number;
};

/** Creates an empty queue. A party that was served comes after all others that wait. */
export function openFairQueue<Item>(): FairQueue<Item> {
  /** In the order of their turns. */
  const parties = new Map<string, Set<Item>>();
  let size = 0;

  function remove(party: string, item: Item): void {
    const own = parties.get(party);
    if (!own?.delete(item)) return;
    size--;
    if (own.size === 0) parties.delete(party);
  }

  return {
    remove,
    add(party, item) {
      const own = parties.get(party) ?? new Set();
      parties.set(party, own.add(item));
      size++;
    },
    next(mayServe = () => true) {
      for (const [party, own] of parties) {
        const [first] = own;
        if (first === undefined || !mayServe(party)) continue;
        remove(party, first);
        if (parties.delete(party)) parties.set(party, own);
        return first;
      }
      return null;
    },
    size: (party) => (party === undefined ? size : (parties.get(party)?.size ?? 0)),
  };
}
