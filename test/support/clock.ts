import type { Temporal } from 'temporal-polyfill';
import type { Clock } from '../../src/clock.ts';

export type FakeClock = Clock & {
  /** Moves the time on by a duration without months, or by milliseconds. */
  advance(by: Temporal.Duration | number): void;
  /** What `isTrusted` answers from now on; true at first. */
  setTrusted(trusted: boolean): void;
};

/** A clock that stands until it is moved. */
export function fakeClock(start: Date): FakeClock {
  let atMs = start.getTime();
  let trusted = true;
  return {
    now: () => new Date(atMs),
    isTrusted: () => trusted,
    // The real database runs on while this one stands.
    tolerance: () => ({ from: new Date(0), to: new Date('9999-12-31T00:00Z') }),
    doubt() {
      trusted = false;
    },
    advance(by) {
      atMs += typeof by === 'number' ? by : by.total('milliseconds');
    },
    setTrusted(now) {
      trusted = now;
    },
  };
}
