import { Temporal } from 'temporal-polyfill';
import { InvalidInputError, OutOfBoundsError } from '../errors.ts';

const MAX_DAYS = 3650;
const ALLOWED = `an ISO 8601 duration of weeks, days, hours, minutes and seconds in whole milliseconds, such as P90D or PT25M, not negative and at most P${MAX_DAYS}D`;
const MAX_MS = MAX_DAYS * 86_400_000;

/**
 * Parses an ISO 8601 duration (LP-10, PE-1). A day has 24 hours, a week 7 days. Years and months are refused,
 * because their length varies; so are negative durations, fractions of a millisecond, and durations over 3650
 * days.
 * @throws InvalidInputError naming `field`
 */
export function parseDuration(text: string, field: string): Temporal.Duration {
  const duration = durationOf(text);
  if (duration === null || duration.sign < 0 || duration.years !== 0 || duration.months !== 0)
    throw new InvalidInputError(field, ALLOWED);
  const ms = toMilliseconds(duration);
  if (ms > MAX_MS || duration.microseconds !== 0 || duration.nanoseconds !== 0)
    throw new InvalidInputError(field, ALLOWED);
  return fromMilliseconds(ms);
}

function durationOf(text: string): Temporal.Duration | null {
  try {
    return Temporal.Duration.from(text);
  } catch {
    return null;
  }
}

/** Its length in milliseconds. @throws RangeError for years and months, which have no fixed length */
export function toMilliseconds(duration: Temporal.Duration): number {
  const days = duration.days + 7 * duration.weeks;
  return duration.with({ weeks: 0, days }).total('milliseconds');
}

/** The duration of whole milliseconds, in days, hours, minutes and seconds. */
export function fromMilliseconds(ms: number): Temporal.Duration {
  return Temporal.Duration.from({ milliseconds: ms }).round({ largestUnit: 'days' });
}

/** Its canonical ISO 8601 form, the same for all durations of the same length: P90D, PT25M, PT0S. */
export function formatDuration(duration: Temporal.Duration): string {
  return fromMilliseconds(toMilliseconds(duration)).toString();
}

/** In words: `90 days`, `2 h`, `1 h 30 min`, `0 s`. */
export function describeDuration(duration: Temporal.Duration): string {
  const { days, hours, minutes, seconds, milliseconds } = fromMilliseconds(toMilliseconds(duration));
  const parts: [number, string][] = [
    [days, days === 1 ? 'day' : 'days'],
    [hours, 'h'],
    [minutes, 'min'],
    [seconds + milliseconds / 1000, 's'],
  ];
  const words = parts.filter(([amount]) => amount !== 0).map(([amount, unit]) => `${amount} ${unit}`);
  return words.join(' ') || '0 s';
}

/**
 * Checks that a duration lies within inclusive bounds (LP-5, SP-3).
 * @throws OutOfBoundsError naming `field` and both bounds
 */
export function checkBounds(
  duration: Temporal.Duration,
  bounds: { min: Temporal.Duration; max: Temporal.Duration },
  field: string,
): void {
  const ms = toMilliseconds(duration);
  if (ms < toMilliseconds(bounds.min) || ms > toMilliseconds(bounds.max))
    throw new OutOfBoundsError(field, formatDuration(bounds.min), formatDuration(bounds.max));
}
