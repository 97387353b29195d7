import {
  claimOutbox,
  type Destination,
  type Stop,
  type Turn,
  walkDestinations,
} from '../db/rows/outbox-claims.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { within } from '../within.ts';
import type { CarriedOut } from './carry-out.ts';
import { openWalk } from './outbox-walk.ts';
import { openPlaces, type Place, type SendPlaces } from './send-places.ts';
import { openTurns, type SendTurns } from './send-turns.ts';

/**
 * The sender of a process. Its states:
 * - idle: no round is pending, and no effect is under way. A kick requests a round.
 * - walking: a round reads the destinations page by page, with a rest of 50 ms between two pages; those with due effects get turns.
 * - sending: effects are claimed for free places only, so no lease is spent waiting. A place that becomes free is filled at once.
 * - closing: nothing more is claimed, and effects under way are awaited.
 */
export type OutboxSender = {
  /** Says that effects may be due. Returns at once. */
  kick(): void;
  /** Sends all effects that are due now, and waits for them. Returns how many were carried out. */
  drain(): Promise<number>;
  /** The number of sends under way, and of those that have stalled. */
  load: SendPlaces['load'];
  /** Claims nothing more, and waits for the effects under way. */
  close(): Promise<void>;
};

type SenderDeps = Pick<EngineDeps, 'db' | 'clock'>;
type Carry = (turn: Turn) => Promise<CarriedOut>;
type Claimed = { turn: Turn; place: Place };

/** Longer than any attempt takes. After it another process may claim the effect, so a send that hangs gives up its place. */
const LEASE_MS = 60_000;

/** Opens a sender. `carry` carries out one claimed effect. */
export function openSender(
  deps: SenderDeps,
  carry: Carry,
  log: Log,
  places: SendPlaces = openPlaces(),
): OutboxSender {
  const turns = openTurns();
  const pauses = openPauses(deps.clock);
  let isClosing = false;
  const runner = openRunner(work);
  const sends = openSends(carry, log, { pause: (id, ms) => pauses.pause(id, ms, kick), freed: runner.run });
  const walk = openWalk((after, limit) => readPage(deps, after, limit), runner.run);

  async function work(): Promise<void> {
    if (isClosing) return;
    try {
      for (const stop of await walk.nextPage()) turns.add(stop);
      for (let isMore = true; isMore && !isClosing; ) {
        const claimed = await claim(deps, turns, places, pauses.isPaused);
        isMore = claimed.length > 0;
        claimed.forEach(sends.start);
      }
    } catch (error) {
      walk.cancel();
      log.error({ err: error }, 'due effects could not be claimed; the next try is in 5 s');
    }
  }

  function kick(): void {
    if (isClosing) return;
    walk.request();
    void runner.run();
  }

  async function idle(): Promise<void> {
    while (runner.running() !== null || sends.size() > 0) await Promise.all([runner.running(), sends.end()]);
  }

  return {
    kick,
    load: places.load,
    async drain() {
      const before = sends.carriedOut();
      for (let done = -1; done !== sends.carriedOut(); ) {
        done = sends.carriedOut();
        walk.request();
        while (walk.isPending() && !isClosing) {
          walk.skipRest();
          await runner.run();
        }
        await idle();
      }
      return sends.carriedOut() - before;
    },
    async close() {
      isClosing = true;
      await idle();
    },
  };
}

/** The sends under way. `freed` is called when one has ended, `pause` when its destination asks for a pause. */
function openSends(
  carry: Carry,
  log: Log,
  { pause, freed }: { pause(destinationId: string, ms: number): void; freed(): unknown },
) {
  const underWay = new Set<Promise<void>>();
  let carriedOut = 0;

  async function send({ turn, place }: Claimed): Promise<void> {
    try {
      const { health, laterMs } = await within(LEASE_MS, 'carrying out an effect', carry(turn));
      carriedOut++;
      if (laterMs > 0) pause(turn.destinationId, laterMs);
      place.leave(health);
    } catch (error) {
      log.error({ err: error, effect: turn.id }, 'an effect was not carried out within its lease');
      place.leave();
    }
    freed();
  }

  return {
    size: () => underWay.size,
    carriedOut: () => carriedOut,
    /** Waits until those now under way have ended. */
    end: () => Promise.all(underWay),
    start(claimed: Claimed): void {
      const sending = send(claimed).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
  };
}

async function readPage({ db, clock }: SenderDeps, after: Destination, limit: number): Promise<Stop[]> {
  const walking = walkDestinations(db.sql, after, { now: clock.now(), limit });
  return await within(LEASE_MS, 'the database', walking);
}

/** Claims an effect for every free place of a destination whose turn it is. */
async function claim(
  { db, clock }: SenderDeps,
  turns: SendTurns,
  places: SendPlaces,
  isPaused: (destinationId: string) => boolean,
): Promise<Claimed[]> {
  const picks = turns.pick(places, (id) => !isPaused(id));
  if (picks.length === 0) return [];
  try {
    const claiming = claimOutbox(db.sql, picks, { now: clock.now(), leaseMs: LEASE_MS });
    const claimed = await within(LEASE_MS, 'the database', claiming);
    return picks.flatMap((pick) => {
      const own = claimed.filter(({ destinationId }) => destinationId === pick.destinationId);
      // Fewer effects than places: nothing more is due to the destination.
      if (own.length < pick.places) turns.remove(pick);
      return own.map((turn) => ({ turn, place: pick.taken.shift() as Place }));
    });
  } finally {
    for (const { taken } of picks) for (const place of taken) place.leave();
  }
}

/** Destinations to which this process sends nothing for a while, because of a channel's rate limit. */
function openPauses({ now }: SenderDeps['clock']) {
  const until = new Map<string, number>();
  const isPaused = (destinationId: string) => (until.get(destinationId) ?? 0) > now().getTime();
  return {
    isPaused,
    pause(destinationId: string, ms: number, onOver: () => void): void {
      const over = now().getTime() + ms;
      const current = isPaused(destinationId) ? (until.get(destinationId) ?? over) : over;
      until.set(destinationId, Math.min(current, over));
      setTimeout(() => {
        if (!isPaused(destinationId)) until.delete(destinationId);
        onOver();
      }, ms).unref();
    },
  };
}

/** Runs `work` one run at a time. A call during a run leads to one more run. */
function openRunner(work: () => Promise<void>) {
  let running: Promise<void> | null = null;
  let isRequested = false;
  async function runAll(): Promise<void> {
    while (isRequested) {
      isRequested = false;
      await work();
    }
    running = null;
  }
  return {
    run(): Promise<void> {
      isRequested = true;
      running ??= runAll();
      return running;
    },
    running: () => running,
  };
}
