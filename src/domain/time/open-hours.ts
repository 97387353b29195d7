import { Temporal } from 'temporal-polyfill';
import { InvalidInputError } from '../errors.ts';
import type { Interval } from './intervals.ts';

/** The open hours of a business, in local time (PE-8). */
export type OpenHours = {
  /** An IANA time zone. */
  timeZone: string;
  /**
   * `day` counts from Monday = 1; times are HH:MM, `until` up to 24:00. Hours across midnight are two entries.
   */
  weekly: readonly { day: number; from: string; until: string }[];
  /** Local dates, YYYY-MM-DD, on which it is closed all day. */
  holidays: readonly string[];
};

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Validates hours. `field` is their name in the input.
 * @throws InvalidInputError naming the part, as `hours.weekly[2].until`
 */
export function validateOpenHours(hours: OpenHours, field: string): void {
  const { timeZone, weekly, holidays } = hours;
  if (!isTimeZone(timeZone))
    throw new InvalidInputError(`${field}.timeZone`, 'an IANA time zone, such as Europe/Berlin');
  if (weekly.length === 0)
    throw new InvalidInputError(`${field}.weekly`, 'at least one entry, for a calendar has to open');
  weekly.forEach(({ day, from, until }, i) => {
    const name = `${field}.weekly[${i}]`;
    if (!Number.isInteger(day) || day < 1 || day > 7)
      throw new InvalidInputError(`${name}.day`, 'a day of the week from 1 (Monday) to 7 (Sunday)');
    if (!isTime(from)) throw new InvalidInputError(`${name}.from`, 'a time from 00:00 to 23:59');
    if (!isTime(until) && until !== '24:00')
      throw new InvalidInputError(`${name}.until`, 'a time from 00:01 to 24:00');
    if (until <= from) throw new InvalidInputError(`${name}.until`, `a time later than from (${from})`);
    const other = weekly.findIndex((w, j) => j < i && w.day === day && w.from < until && from < w.until);
    if (other !== -1)
      throw new InvalidInputError(
        `${name}.from`,
        `a time outside of ${field}.weekly[${other}], which it overlaps`,
      );
  });
  holidays.forEach((date, i) => {
    if (!isDate(date)) throw new InvalidInputError(`${field}.holidays[${i}]`, 'a date as YYYY-MM-DD');
  });
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Temporal.ZonedDateTime(0n, timeZone);
    return true;
  } catch {
    return false;
  }
}

function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

function isDate(text: string): boolean {
  const ms = Date.parse(`${text}T00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/**
 * Makes the function that returns the open intervals between two instants, not always ascending or disjoint.
 */
export function openStretches(hours: OpenHours): (startMs: number, endMs: number) => Interval[] {
  const holidays = new Set(hours.holidays.map((date) => Date.parse(`${date}T00:00Z`) / DAY_MS));
  const byDay = [1, 2, 3, 4, 5, 6, 7].map((day) =>
    hours.weekly
      .filter((entry) => entry.day === day)
      .map((entry) => ({ from: msOfDay(entry.from), until: msOfDay(entry.until) })),
  );
  return (startMs, endMs) => {
    const stretches: Interval[] = [];
    // No zone is a day or more from UTC, and a clock change at midnight can move hours into the next date.
    const firstDay = Math.floor(startMs / DAY_MS) - 2;
    const lastDay = Math.floor(endMs / DAY_MS);
    const instantOf = wallClock(hours.timeZone, (firstDay - 2) * DAY_MS);
    for (let day = firstDay; day <= lastDay; day++) {
      if (holidays.has(day)) continue;
      for (const entry of byDay[weekdayOf(day)] ?? []) {
        const from = Math.max(startMs, instantOf(day * DAY_MS + entry.from));
        const until = Math.min(endMs, instantOf(day * DAY_MS + entry.until));
        if (from < until) stretches.push({ from, until });
      }
    }
    return stretches;
  };
}

/** Days are counted from 1970-01-01, a Thursday; Monday is 0. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

function msOfDay(time: string): number {
  return (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * MINUTE_MS;
}

/**
 * Converts local times of a zone (as if they were UTC), later than a day after `sinceMs`, into instants. A local
 * time that a clock change skips is moved later by as much; of a repeated one the first is taken.
 */
function wallClock(timeZone: string, sinceMs: number): (wallMs: number) => number {
  const since = Temporal.Instant.fromEpochMilliseconds(sinceMs).toZonedDateTimeISO(timeZone);
  const offsetMs = since.offsetNanoseconds / 1e6;
  const changeMs = since.getTimeZoneTransition('next')?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
  return (wallMs) => {
    const instantMs = wallMs - offsetMs;
    if (instantMs < changeMs) return instantMs;
    const wall = Temporal.Instant.fromEpochMilliseconds(wallMs).toZonedDateTimeISO('UTC').toPlainDateTime();
    return wall.toZonedDateTime(timeZone, { disambiguation: 'compatible' }).epochMilliseconds;
  };
}
