import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import {
  add,
  buildCalendar,
  type Calendar,
  counted,
  type DueSegment,
  dueSegments,
  type OpenHours,
  subtract,
  type Uncounted,
} from '../../src/domain/time/calendar.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/Nuuk',
];
/** Some days before a change of clocks in one of the zones, quiet times, and the edges of what is reckoned. */
const STARTS = [
  '2026-03-06',
  '2026-03-27',
  '2026-04-03',
  '2026-10-02',
  '2026-10-23',
  '2026-10-30',
  '2026-12-29',
  '2010-06-15',
  '2011-12-29',
  '2098-03-28',
].map((date) => Date.parse(date));

const hhmm = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

const dayHours = (day: number) =>
  fc
    .uniqueArray(
      fc.oneof(fc.integer({ min: 0, max: 1440 }), fc.constantFrom(0, 60, 120, 150, 180, 540, 1440)),
      {
        maxLength: 6,
      },
    )
    .map((minutes) => {
      const ascending = minutes.toSorted((a, b) => a - b);
      const pairs = Array.from({ length: Math.floor(ascending.length / 2) }, (_, i) => i * 2);
      return pairs.map((i) => ({ day, from: hhmm(ascending[i] ?? 0), until: hhmm(ascending[i + 1] ?? 0) }));
    });

const openHours = (startMs: number): fc.Arbitrary<OpenHours> =>
  fc
    .record({
      timeZone: fc.constantFrom(...ZONES),
      weekly: fc.tuple(...[1, 2, 3, 4, 5, 6, 7].map(dayHours)).map((days) => days.flat()),
      holidays: fc
        .array(fc.integer({ min: 0, max: 8 }), { maxLength: 3 })
        .map((days) => days.map((day) => new Date(startMs + day * DAY).toISOString().slice(0, 10))),
    })
    .filter(({ weekly }) => weekly.length > 0);

const outages = (startMs: number, unitMs: number): fc.Arbitrary<Uncounted[]> =>
  fc.array(
    fc
      .record({
        from: fc.integer({ min: -DAY / unitMs, max: (8 * DAY) / unitMs }),
        length: fc.option(fc.integer({ min: 0, max: (2 * DAY) / unitMs }), { freq: 6 }),
      })
      .map(({ from, length }) => ({
        from: new Date(startMs + from * unitMs),
        until: length === null ? null : new Date(startMs + (from + length) * unitMs),
      })),
    { maxLength: 4 },
  );

/** Hours and outages around a start, and clocks in the eight days after it, all in whole units. */
const situation = (unitMs: number) =>
  fc.constantFrom(...STARTS).chain((startMs) =>
    fc.record({
      startMs: fc.constant(startMs),
      hours: fc.option(openHours(startMs), { freq: 5 }),
      uncounted: outages(startMs, unitMs),
      clocks: fc.array(
        fc.integer({ min: 0, max: (8 * DAY) / unitMs }).map((n) => new Date(startMs + n * unitMs)),
        { minLength: 2, maxLength: 8 },
      ),
      afterMs: fc
        .oneof(
          { weight: 4, arbitrary: fc.integer({ min: 1, max: (12 * HOUR) / unitMs }) },
          { weight: 2, arbitrary: fc.integer({ min: 0, max: (20 * DAY) / unitMs }) },
        )
        .map((n) => n * unitMs),
    }),
  );

/** Every clock, with the instants around those where due times jump or stop. */
function withEdges(calendar: Calendar, clocks: readonly Date[], afterMs: number): Date[] {
  const edges = clocks.flatMap((clock) => {
    const next = add(calendar, clock, 1);
    return [clock, subtract(calendar, clock, afterMs), ...(next ? [next, new Date(next.getTime() - 1)] : [])];
  });
  return edges.flatMap((date) => [-1, 0, 1].map((ms) => new Date(date.getTime() + ms)));
}

test('LL-7 PE-8 what add calls due by n is what subtract finds at n', () => {
  fc.assert(
    fc.property(situation(1), ({ hours, uncounted, clocks, afterMs }) => {
      const calendar = buildCalendar(hours, uncounted);
      const instants = withEdges(calendar, clocks, afterMs);
      const broken = instants.flatMap((c) => {
        const due = add(calendar, c, afterMs);
        const others = due ? [...instants, due, new Date(due.getTime() - 1)] : instants;
        return others
          .filter((n) => c <= n)
          .map((n) => ({ c, n, isDue: due !== null && due <= n }))
          .filter(
            ({ n, isDue }) =>
              c <= subtract(calendar, n, afterMs) !== isDue || counted(calendar, c, n) >= afterMs !== isDue,
          );
      });
      expect(broken).toEqual([]);
    }),
  );
});

test('LL-7 PE-8 a later clock is never due sooner', () => {
  fc.assert(
    fc.property(situation(1), ({ hours, uncounted, clocks, afterMs }) => {
      const calendar = buildCalendar(hours, uncounted);
      const ascending = withEdges(calendar, clocks, afterMs).toSorted((a, b) => a.getTime() - b.getTime());
      const dues = ascending.map((c) => add(calendar, c, afterMs)?.getTime() ?? Number.POSITIVE_INFINITY);
      expect(dues).toEqual(dues.toSorted((a, b) => a - b));
    }),
  );
});

function evaluate(segments: readonly DueSegment[], c: Date): Date | null {
  const segment = segments.findLast(({ clock }) => clock <= c);
  if (!segment?.due) return null;
  return new Date(segment.due.getTime() + (c.getTime() - segment.clock.getTime()) * segment.slope);
}

test('LL-7 PE-8 segments give what add gives, to the millisecond', () => {
  fc.assert(
    fc.property(situation(1), ({ startMs, hours, uncounted, clocks, afterMs }) => {
      const calendar = buildCalendar(hours, uncounted);
      const [from, until] = [new Date(startMs), new Date(startMs + 8 * DAY)];
      const segments = dueSegments(calendar, from, until, afterMs);
      const starts = segments.map((segment) => segment.clock.getTime());
      expect(starts[0]).toBe(startMs);
      expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
      const edges = starts.flatMap((ms) => [ms - 1, ms, ms + 1].map((edge) => new Date(edge)));
      const clocksToTry = [...edges, ...withEdges(calendar, clocks, afterMs), from, until];
      const wrong = clocksToTry
        .filter((c) => from <= c && c <= until)
        .map((c) => ({ c, due: evaluate(segments, c), added: add(calendar, c, afterMs) }))
        .filter(({ due, added }) => due?.getTime() !== added?.getTime());
      expect(wrong).toEqual([]);
    }),
  );
});

/** Tells, minute by minute, which minutes of the days after `startMs` count: Temporal resolves each day anew. */
function countingMinutes(
  hours: OpenHours | null,
  uncounted: readonly Uncounted[],
  startMs: number,
  days: number,
): boolean[] {
  const local = (date: Temporal.PlainDate, time: string, zone: string) =>
    date
      .add({ days: time === '24:00' ? 1 : 0 })
      .toPlainDateTime(time === '24:00' ? '00:00' : time)
      .toZonedDateTime(zone).epochMilliseconds;
  const first = Temporal.Instant.fromEpochMilliseconds(startMs).toZonedDateTimeISO('UTC').toPlainDate();
  const dates = Array.from({ length: days + 4 }, (_, i) => first.add({ days: i - 2 }));
  const open =
    hours &&
    dates
      .filter((date) => !hours.holidays.includes(date.toString()))
      .flatMap((date) =>
        hours.weekly.filter(({ day }) => day === date.dayOfWeek).map((entry) => ({ date, entry })),
      )
      .map(
        ({ date, entry }) =>
          [local(date, entry.from, hours.timeZone), local(date, entry.until, hours.timeZone)] as const,
      );
  return Array.from({ length: days * 1440 }, (_, i) => startMs + i * MINUTE).map(
    (ms) =>
      (open === null || open.some(([from, until]) => from <= ms && ms < until)) &&
      !uncounted.some(({ from, until }) => from.getTime() <= ms && (until === null || ms < until.getTime())),
  );
}

test('LL-7 PE-8 stepping from minute to minute gives the same', () => {
  fc.assert(
    fc.property(situation(MINUTE), ({ startMs, hours, uncounted, clocks, afterMs }) => {
      const calendar = buildCalendar(hours, uncounted);
      const counts = countingMinutes(hours, uncounted, startMs, 10);
      const endMs = startMs + counts.length * MINUTE;
      for (const c of clocks) {
        let leftMs = afterMs;
        let ms = c.getTime();
        for (; leftMs > 0 && ms < endMs; ms += MINUTE) if (counts[(ms - startMs) / MINUTE]) leftMs -= MINUTE;
        expect(counted(calendar, c, new Date(ms))).toBe(afterMs - leftMs);
        const due = add(calendar, c, afterMs)?.getTime() ?? Number.POSITIVE_INFINITY;
        if (leftMs === 0) expect(due).toBe(ms);
        else expect(due).toBeGreaterThan(endMs);
      }
    }),
  );
});
