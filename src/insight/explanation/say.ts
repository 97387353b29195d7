import { Temporal } from 'temporal-polyfill';
import { fromMilliseconds } from '../../domain/time/duration.ts';

/** How a sentence writes times: in a time zone, and by the distance of their day from now. */
export type Speaker = { timeZone: string; now: Date };

const DAY_MS = 86_400_000;
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

/** A time with its day: `08:05`, `08:05 tomorrow`, `08:05 on 4 March`, `08:05 on 4 March 2027`. Seconds only if any. */
export function sayTime(at: Date, speaker: Speaker): string {
  const { clock, day } = partsOf(at, speaker);
  return `${clock} ${day}`.trim();
}

function partsOf(at: Date, { timeZone, now }: Speaker): { clock: string; day: string } {
  const here = local(at, timeZone);
  const today = local(now, timeZone).toPlainDate();
  const days = today.until(here.toPlainDate()).days;
  const date = `on ${here.day} ${MONTHS[here.month - 1]}${here.year === today.year ? '' : ` ${here.year}`}`;
  const day = { '-1': 'yesterday', '0': '', '1': 'tomorrow' }[days] ?? date;
  return { clock: clockOf(here), day };
}

/** A time without its day if it is less than a day before another one, and with it otherwise: `12:00 today`. */
export function sayTimeNear(at: Date, near: Date, speaker: Speaker): string {
  const isNear = at <= near && near.getTime() - at.getTime() < DAY_MS;
  const { clock, day } = partsOf(at, speaker);
  return isNear ? clock : `${clock} ${day || 'today'}`;
}

/** A duration in whole words: `5 minutes`, `1 hour 30 minutes`. */
export function sayDuration(ms: number): string {
  const { days, hours, minutes, seconds, milliseconds } = fromMilliseconds(ms);
  const parts: [amount: number, unit: string][] = [
    [days, 'day'],
    [hours, 'hour'],
    [minutes, 'minute'],
    [seconds + milliseconds / 1000, 'second'],
  ];
  const said = parts.filter(([amount]) => amount !== 0).map(([amount, unit]) => count(amount, unit));
  return said.join(' ') || count(0, 'second');
}

/** Clauses as one: `a`, `a, and b`, `a, b, and c`. */
export function sayAll(clauses: readonly string[]): string {
  return clauses.length < 2
    ? (clauses[0] ?? '')
    : `${clauses.slice(0, -1).join(', ')}, and ${clauses.at(-1)}`;
}

function count(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

function local(at: Date, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
}

function clockOf({ hour, minute, second }: Temporal.ZonedDateTime): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return [hour, minute, ...(second === 0 ? [] : [second])].map(two).join(':');
}
