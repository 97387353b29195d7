import type { Alarm, Lane } from '../db/rows/lanes.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { add } from '../domain/time/calendar.ts';
import { dueOn, type Timer, timersFor } from '../domain/time/timers.ts';
import type { EngineDeps } from '../engine.ts';
import { earliestOf, lockLane, type Probe, probe, setAlarm } from './lane-alarm.ts';

/** A conversation that enters a lane without lowering its alarm has a clock at most 10 s old and commits within 15 s. */
const FRESH_MS = 30_000;
const BEGINNING = new Date(0);

/**
 * Ends a wake: computes and stores when the lane must be woken next, at least `restMs` from now. The lane is locked first and
 * probed in a later statement. So a conversation that enters with an old clock is either seen, or commits later and lowers
 * the alarm. Returns the alarm; null if nothing in the lane will be due.
 */
export async function settleLane(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'rules'>,
  lane: Lane,
  rulesOfWake: AccountRules,
  restMs: number,
): Promise<Alarm | null> {
  const { accountId, id: laneId } = lane;
  let rules = rulesOfWake;
  for (;;) {
    const timers = timersFor(rules, lane.facts);
    const done = await inTransaction(deps.db.sql, async (sql) => {
      const locked = await lockLane(sql, accountId, laneId);
      if (!locked) return { wakeAt: null };
      const probes = timers.map(
        (timer): Probe => ({ clock: timer.clock, lower: lowerOf(timer, locked.floor) }),
      );
      const { rulesVersion, heads } = await probe(sql, accountId, laneId, probes);
      if (rulesVersion !== rules.version) return { rulesVersion };
      const now = deps.clock.now();
      const wakeAt = nextWake(timers, heads, now, new Date(now.getTime() + restMs));
      await setAlarm(sql, accountId, { id: laneId, wakeAt, floor: newFloor(timers, heads, now) });
      return { wakeAt };
    });
    if ('wakeAt' in done) return done.wakeAt ? { accountId, laneId, wakeAt: done.wakeAt } : null;
    rules = await deps.rules.at(accountId, done.rulesVersion);
  }
}

/** Where a timer's search in its clock's index begins. */
export function lowerOf(timer: Timer, floor: Date): Date {
  const from = timer.clock === 'heldUntil' ? BEGINNING : floor;
  return timer.notBefore !== null && timer.notBefore > from ? timer.notBefore : from;
}

function nextWake(
  timers: readonly Timer[],
  heads: readonly (Date | null)[],
  now: Date,
  soonest: Date,
): Date | null {
  const fresh = new Date(now.getTime() - FRESH_MS);
  const instants = timers.flatMap((timer, index) => [
    dueOn(timer, heads[index] ?? null),
    // A hold lowers the alarm when it is set. Every other clock may enter the lane fresh without lowering it.
    timer.clock === 'heldUntil' ? null : add(timer.calendar, fresh, timer.afterMs),
  ]);
  const times = instants.flatMap((at) => (at === null ? [] : [at.getTime()]));
  return times.length === 0 ? null : new Date(Math.max(Math.min(...times), soonest.getTime()));
}

function newFloor(timers: readonly Timer[], heads: readonly (Date | null)[], now: Date): Date {
  const fresh = new Date(now.getTime() - FRESH_MS);
  return earliestOf(
    heads.filter((_, index) => timers[index]?.clock !== 'heldUntil'),
    fresh,
  );
}

/**
 * Where the batches of a wake start to search for clocks: the lane's floor or, after a change of rules has reset it, what a probe
 * finds. A batch computes due times from there, so it should not be long ago.
 */
export async function knownFloor(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  lane: Lane,
  timers: readonly Timer[],
): Promise<Date> {
  if (lane.floor > BEGINNING) return lane.floor;
  const probes = timers.map((timer): Probe => ({ clock: timer.clock, lower: lowerOf(timer, lane.floor) }));
  const { heads } = await probe(deps.db.sql, lane.accountId, lane.id, probes);
  return newFloor(timers, heads, deps.clock.now());
}
