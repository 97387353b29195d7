import { type Destination, START, type Stop } from '../db/rows/outbox-claims.ts';

/**
 * Rounds over all destinations, read page by page with a rest after each page. A round covers the requests from before its
 * beginning; a later request leads to another round, because the destination may have been passed already.
 */
type OutboxWalk = {
  /** Requests a round. */
  request(): void;
  /** Whether a requested round is not finished. */
  isPending(): boolean;
  /** Reads the next page unless it is resting or no round is pending. Returns the destinations to which something is due. */
  nextPage(): Promise<Stop[]>;
  /** Allows the next page at once. */
  skipRest(): void;
  /** Cancels all requests. */
  cancel(): void;
};

const PAGE_SIZE = 200;
const REST_MS = 50;

/** Opens a walk without a requested round. `onRested` is called when the next page may be read. */
export function openWalk(
  readPage: (after: Destination, limit: number) => Promise<Stop[]>,
  onRested: () => void,
): OutboxWalk {
  let after = START;
  let requested = 0;
  let covered = 0;
  let finished = 0;
  let isResting = false;
  const isPending = () => finished !== requested;
  return {
    request: () => void requested++,
    isPending,
    async nextPage() {
      if (isResting || !isPending()) return [];
      if (after === START) covered = requested;
      const stops = await readPage(after, PAGE_SIZE);
      after = (stops.length === PAGE_SIZE ? stops.at(-1) : undefined) ?? START;
      if (after === START) finished = covered;
      isResting = true;
      setTimeout(() => {
        isResting = false;
        if (isPending()) onRested();
      }, REST_MS).unref();
      return stops.filter(({ isDue }) => isDue);
    },
    skipRest() {
      isResting = false;
    },
    cancel() {
      finished = requested;
    },
  };
}
