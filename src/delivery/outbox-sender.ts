import {
  claimOutbox,
  type Destination,
  START,
  type Turn,
  walkDestinations,
} from '../db/rows/outbox-claims.ts';
import type { EngineDeps } from '../engine.ts';
import { within } from '../jobs/store/store.ts';
import type { Log } from '../log.ts';
import type { CarriedOut } from './carry-out.ts';
import { openPlaces, type Place, type SendPlaces } from './send-places.ts';
import { openTurns, type Pick } from './send-turns.ts';

type SenderDeps = { db: EngineDeps['db']; clock: EngineDeps['clock'] };

/** Sends what is owed from this process. */
export type OutboxSender = {
  /** Says that something may be owed. Returns at once. */
  kick(): void;
  /** Sends all that is due now, and waits until nothing of it is under way. Returns how many effects were carried out. */
  drain(): Promise<number>;
  /** Sends that are under way, and those of them without an answer for long. */
  load: SendPlaces['load'];
  /** Claims nothing more, and waits for what is under way. */
  close(): Promise<void>;
};

/**
 * Longer than any attempt takes. A claim is made only where its place is free, so no lease is spent waiting. After it
 * others may claim the effect: what was not heard of until then, be it of the database, keeps its place no longer.
 */
const LEASE_MS = 60_000;
/** Destinations that are looked at in one statement, and the rest between two of them. */
const STOPS = 200;
const REST_MS = 50;

/**
 * Opens the sender of a process. It walks over the destinations to which something is owed, and gives them turns; a place
 * that is given back is the next one's at once. Destinations that hang keep theirs, which are few, and nobody else's.
 */
export function openSender(
  deps: SenderDeps,
  carry: (turn: Turn) => Promise<CarriedOut>,
  log: Log,
  places: SendPlaces = openPlaces(),
): OutboxSender {
  const turns = openTurns();
  const underWay = new Set<Promise<void>>();
  /** Until when the limit of a channel lets nothing through from this process. */
  const notBefore = new Map<string, number>();
  let after: Destination = START;
  /** How often it was kicked; the kick that the round over all destinations has seen which is under way, and the last one that was. */
  let kicks = 0;
  let seen = 0;
  let walked = 0;
  let isResting = false;
  let isClosing = false;
  let carriedOut = 0;
  let running: Promise<void> | null = null;
  let isAskedAgain = false;

  /** Gives turns, one run at a time; asked for meanwhile, it is done once more. */
  function run(): Promise<void> {
    isAskedAgain = true;
    running ??= (async () => {
      while (isAskedAgain && !isClosing) {
        isAskedAgain = false;
        if (walked !== kicks && !isResting) await walk();
        while (!isClosing && (await give()) > 0);
      }
    })()
      .catch((error: unknown) => {
        walked = kicks;
        log.error({ err: error }, 'what is owed could not be claimed; it is tried again in 5 s');
      })
      .finally(() => {
        running = null;
      });
    return running;
  }

  /** Looks at some destinations more, and begins anew at the end where it was kicked since the beginning. */
  async function walk(): Promise<void> {
    if (after === START) seen = kicks;
    const walking = walkDestinations(deps.db.sql, after, { now: deps.clock.now(), limit: STOPS });
    const stops = await within(LEASE_MS, 'the database', walking);
    for (const stop of stops) if (stop.isDue) turns.add(stop);
    after = stops.length === STOPS ? (stops.at(-1) as Destination) : START;
    if (after === START) walked = seen;
    isResting = true;
    setTimeout(() => {
      isResting = false;
      if (walked !== kicks) void run();
    }, REST_MS).unref();
  }

  /** Gives every place that is free to whose turn it is; returns how many effects were claimed for them. */
  async function give(): Promise<number> {
    const now = deps.clock.now();
    for (const [id, until] of notBefore) if (until <= now.getTime()) notBefore.delete(id);
    const picks = turns.pick(places, (id) => !notBefore.has(id));
    if (picks.length === 0) return 0;
    try {
      const claiming = claimOutbox(deps.db.sql, picks, { now, leaseMs: LEASE_MS });
      const claimed = await within(LEASE_MS, 'the database', claiming);
      for (const pick of picks) fill(pick, claimed);
      return claimed.length;
    } finally {
      for (const { taken } of picks) for (const place of taken) place.leave();
    }
  }

  /** Sends what was claimed for a destination, each effect in a place. Fewer than places: it has nothing more that is due. */
  function fill(pick: Pick, claimed: readonly Turn[]): void {
    const own = claimed.filter(({ destinationId }) => destinationId === pick.destinationId);
    if (own.length < pick.places) turns.remove(pick);
    for (const turn of own) {
      const sending = send(turn, pick.taken.shift() as Place).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
  }

  async function send(turn: Turn, place: Place): Promise<void> {
    try {
      const { health, laterMs } = await within(LEASE_MS, 'carrying out an effect', carry(turn));
      carriedOut++;
      if (laterMs > 0) wait(turn.destinationId, laterMs);
      place.leave(health);
    } catch (error) {
      log.error({ err: error, effect: turn.id }, 'an effect was not carried out while it was claimed');
      place.leave();
    }
    void run();
  }

  /** Lets nothing through to a destination for so long, and looks again after that. */
  function wait(destinationId: string, ms: number): void {
    const until = deps.clock.now().getTime() + ms;
    notBefore.set(destinationId, Math.min(notBefore.get(destinationId) ?? until, until));
    setTimeout(kick, ms).unref();
  }

  function kick(): void {
    if (isClosing) return;
    kicks++;
    void run();
  }

  async function idle(): Promise<void> {
    while (running !== null || underWay.size > 0) await Promise.all([running, ...underWay]);
  }

  return {
    kick,
    load: places.load,
    async drain() {
      const before = carriedOut;
      for (let done = -1; done !== carriedOut; ) {
        done = carriedOut;
        kicks++;
        while (walked !== kicks && !isClosing) {
          isResting = false;
          await run();
        }
        await idle();
      }
      return carriedOut - before;
    },
    async close() {
      isClosing = true;
      await idle();
    },
  };
}
