import { type Interval, union, without } from './intervals.ts';
import { type OpenHours, openStretches } from './open-hours.ts';

export type { OpenHours };

/** An outage or a pause: time that does not count (LL-7). `until` null: it continues. */
export type Uncounted = { from: Date; until: Date | null };

/** Says which time counts. Create it once and keep it, because it caches results. */
export type Calendar = Readonly<{ pageMs: number; pageCount: number; pageAt: (index: number) => Page }>;

/**
 * Due instants of a clock's instants: for clocks from `clock` on, `due + (c - clock) * slope`; null: never.
 */
export type DueSegment = { clock: Date; due: Date | null; slope: 0 | 1 };

/** The counted intervals of one span of time, ascending and disjoint, and how much is counted before each. */
type Page = { from: number[]; until: number[]; before: number[]; total: number };

// Open hours are reckoned page by page, from 1970 to 2100; outside of these nothing counts. Without hours
// there is one page. All time is what sums of milliseconds can hold exactly: some 140,000 years either way.
const HOURS_PAGE_MS = 28 * 86_400_000;
const HOURS_PAGES = Math.ceil(Date.UTC(2100, 0) / HOURS_PAGE_MS);
const ALL_TIME: Interval = { from: -(2 ** 52), until: 2 ** 52 };

/** Before every clock, where nothing can be due. The first instant that SQL and ISO 8601 write alike. */
const BEFORE_ALL_MS = Date.parse('0001-01-01T00:00Z');

/** The calendar in which all time counts. */
export const ALWAYS_OPEN: Calendar = onePage([ALL_TIME]);

/**
 * Creates a calendar in which open hours (all time, if null) count, minus the uncounted time (PE-8, LL-7). The
 * hours must be valid (`validateOpenHours`). Uncounted time may overlap and come in any order.
 */
export function buildCalendar(hours: OpenHours | null, uncounted: readonly Uncounted[]): Calendar {
  const holes = union(
    uncounted.map(({ from, until }) => ({
      from: from.getTime(),
      until: until?.getTime() ?? ALL_TIME.until,
    })),
  );
  if (hours === null) return holes.length === 0 ? ALWAYS_OPEN : onePage(without([ALL_TIME], holes));

  const openBetween = openStretches(hours);
  const pages = new Map<number, Page>();
  const pageAt = (index: number) => {
    let page = pages.get(index);
    if (page === undefined) {
      const open = union(openBetween(index * HOURS_PAGE_MS, (index + 1) * HOURS_PAGE_MS));
      page = pageOf(without(open, holes));
      pages.set(index, page);
    }
    return page;
  };
  return { pageMs: HOURS_PAGE_MS, pageCount: HOURS_PAGES, pageAt };
}

/**
 * The earliest instant by which `afterMs` have counted since `instant`; null if there is none. `add(c, a) <= n`
 * exactly if `c <= subtract(n, a)`, for every c <= n.
 */
export function add(calendar: Calendar, instant: Date, afterMs: number): Date | null {
  const dueMs = addMs(calendar, instant.getTime(), afterMs);
  return dueMs === null ? null : new Date(dueMs);
}

function addMs(calendar: Calendar, instantMs: number, afterMs: number): number | null {
  if (afterMs === 0) return instantMs;
  let index = pageIndex(calendar, instantMs);
  let page = calendar.pageAt(index);
  let countedMs = countedBefore(page, instantMs) + afterMs;
  while (countedMs > page.total) {
    countedMs -= page.total;
    if (++index >= calendar.pageCount) return null;
    page = calendar.pageAt(index);
  }
  // If an interval is used up exactly, it is due at its end, not at the beginning of the next one.
  const i = lastAtMost(page.before, countedMs - 1);
  return (page.from[i] as number) + countedMs - (page.before[i] as number);
}

/**
 * The latest instant since which `afterMs` have counted by `now`: older clocks are due. If there is none, because
 * hours do not reach back so far, an instant before every clock.
 */
export function subtract(calendar: Calendar, now: Date, afterMs: number): Date {
  if (afterMs === 0) return new Date(now);
  let index = pageIndex(calendar, now.getTime());
  let page = calendar.pageAt(index);
  let countedMs = countedBefore(page, now.getTime()) - afterMs;
  while (countedMs < 0) {
    if (--index < 0) return new Date(BEFORE_ALL_MS);
    page = calendar.pageAt(index);
    countedMs += page.total;
  }
  const i = lastAtMost(page.before, countedMs);
  return new Date((page.from[i] as number) + countedMs - (page.before[i] as number));
}

/** The counted milliseconds between two instants; 0 if `until` is not later. */
export function counted(calendar: Calendar, from: Date, until: Date): number {
  if (until <= from) return 0;
  const last = pageIndex(calendar, until.getTime());
  let index = pageIndex(calendar, from.getTime());
  let countedMs = -countedBefore(calendar.pageAt(index), from.getTime());
  for (; index < last; index++) countedMs += calendar.pageAt(index).total;
  return countedMs + countedBefore(calendar.pageAt(last), until.getTime());
}

/**
 * `add(c, afterMs)` for every c in [from, until], as ascending linear segments. Each is valid from its `clock`
 * until just before the next one's.
 */
export function dueSegments(calendar: Calendar, from: Date, until: Date, afterMs: number): DueSegment[] {
  if (afterMs === 0) return [{ clock: from, due: from, slope: 1 }];
  const segments: DueSegment[] = [];
  let clockMs = from.getTime();
  while (clockMs <= until.getTime()) {
    const dueMs = addMs(calendar, clockMs, afterMs);
    if (dueMs === null) return [...segments, { clock: new Date(clockMs), due: null, slope: 0 }];
    const here = stretchAt(calendar, clockMs);
    const dueEndMs = stretchAt(calendar, dueMs - 1).untilMs;
    // After the end of its interval, the due time jumps to the next one.
    const nextMs = here.counts ? Math.min(here.untilMs, clockMs + (dueEndMs - dueMs) + 1) : here.untilMs;
    const slope = here.counts ? 1 : 0;
    const last = segments.at(-1);
    const isOnLine = last !== undefined && evaluate(last, clockMs) === dueMs;
    if (!(isOnLine && (last.slope === slope || nextMs === clockMs + 1)))
      segments.push({ clock: new Date(clockMs), due: new Date(dueMs), slope });
    clockMs = nextMs;
  }
  return segments;
}

function evaluate({ clock, due, slope }: DueSegment, clockMs: number): number | null {
  return due === null ? null : due.getTime() + (clockMs - clock.getTime()) * slope;
}

/** Whether time counts at an instant, and until when that does not change. */
function stretchAt(calendar: Calendar, instantMs: number): { counts: boolean; untilMs: number } {
  for (let index = pageIndex(calendar, instantMs); index < calendar.pageCount; index++) {
    const page = calendar.pageAt(index);
    const i = lastAtMost(page.from, instantMs);
    const untilMs = page.until[i];
    if (untilMs !== undefined && instantMs < untilMs) return { counts: true, untilMs };
    const nextMs = page.from[i + 1];
    if (nextMs !== undefined) return { counts: false, untilMs: nextMs };
  }
  return { counts: false, untilMs: Number.POSITIVE_INFINITY };
}

function onePage(stretches: readonly Interval[]): Calendar {
  const page = pageOf(stretches);
  return { pageMs: Number.POSITIVE_INFINITY, pageCount: 1, pageAt: () => page };
}

function pageOf(stretches: readonly Interval[]): Page {
  const page: Page = { from: [], until: [], before: [], total: 0 };
  for (const { from, until } of stretches) {
    page.from.push(from);
    page.until.push(until);
    page.before.push(page.total);
    page.total += until - from;
  }
  return page;
}

function pageIndex(calendar: Calendar, instantMs: number): number {
  return Math.min(calendar.pageCount - 1, Math.max(0, Math.floor(instantMs / calendar.pageMs)));
}

/** The counted time of a page before an instant. */
function countedBefore(page: Page, instantMs: number): number {
  const i = lastAtMost(page.from, instantMs);
  if (i === -1) return 0;
  return (page.before[i] as number) + Math.min(instantMs, page.until[i] as number) - (page.from[i] as number);
}

/** The index of the last of the ascending `values` that is at most `limit`; -1 if there is none. */
function lastAtMost(values: readonly number[], limit: number): number {
  let low = -1;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((values[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
