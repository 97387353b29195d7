import type { Log } from '../log.ts';
import { JUMP_MS } from './judge.ts';

/** The clocks of this machine, in milliseconds. */
export type MachineClocks = {
  /** Runs evenly from any fixed point and is never set. It may stand still while the machine is suspended. */
  monotonic: () => number;
  /** The same, but running while the machine is suspended, if the system can tell. */
  uptime: () => number;
  /** The time of day. It may be set, so nothing is timed by it. */
  timeOfDay: () => number;
};

/** A running time that includes the time for which the machine was suspended. */
export type RunningTime = {
  now(): number;
  /** How far the time of day is ahead of the running time: constant, unless one of them jumps. */
  lead(): number;
  /** Whether neither has jumped since `settle`. */
  isSteady(): boolean;
  /** Accepts the clocks as they are, after a reading. */
  settle(): void;
};

/** Opens a running time, which asks for the uptime whenever the time of day jumps. */
export function openRunningTime({ monotonic, uptime, timeOfDay }: MachineClocks, log: Log): RunningTime {
  let suspendedMs = 0;
  let knownLead = timeOfDay() - monotonic();
  let uptimeLead = uptime() - monotonic();
  let isSteady = true;

  function correct(): void {
    isSteady = false;
    // A process that is held up between two clocks sees a jump as long as that; it is not held up three times.
    const changes = [1, 2, 3].map(() => uptime() - monotonic() - uptimeLead);
    const change = changes.reduce((least, next) => (Math.abs(next) < Math.abs(least) ? next : least));
    if (Math.abs(change) <= JUMP_MS) return;
    suspendedMs += change;
    uptimeLead += change;
    knownLead += change;
    log.warn({ jumpMs: Math.round(change) }, 'the running time has jumped; corrected by the uptime');
  }
  function now(): number {
    if (Math.abs(timeOfDay() - monotonic() - knownLead) > JUMP_MS) correct();
    return monotonic() + suspendedMs;
  }
  return {
    now,
    lead: () => timeOfDay() - now(),
    isSteady() {
      now();
      return isSteady;
    },
    settle() {
      isSteady = true;
      knownLead = timeOfDay() - monotonic();
      uptimeLead = uptime() - monotonic();
    },
  };
}
