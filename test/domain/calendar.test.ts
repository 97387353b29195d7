import { describe, expect, test } from 'vitest';
import {
  ALWAYS_OPEN,
  add,
  buildCalendar,
  counted,
  dueSegments,
  type OpenHours,
  subtract,
} from '../../src/domain/time/calendar.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (text: string) => new Date(text);
const berlin: OpenHours = {
  timeZone: 'Europe/Berlin',
  weekly: [1, 2, 3, 4, 5].map((day) => ({ day, from: '09:00', until: '17:00' })),
  holidays: ['2026-12-25'],
};

describe('without hours and outages', () => {
  test('all time counts', () => {
    const c = at('2026-03-29T00:30:00.123Z');
    expect(buildCalendar(null, [])).toBe(ALWAYS_OPEN);
    expect(add(ALWAYS_OPEN, c, 90 * DAY)).toEqual(at('2026-06-27T00:30:00.123Z'));
    expect(subtract(ALWAYS_OPEN, at('2026-06-27T00:30:00.123Z'), 90 * DAY)).toEqual(c);
    expect(add(ALWAYS_OPEN, at('1969-12-31T23:59:59.999Z'), 1)).toEqual(at('1970-01-01T00:00Z'));
    expect(counted(ALWAYS_OPEN, c, at('2026-03-29T00:30:01Z'))).toBe(877);
    expect(counted(ALWAYS_OPEN, c, at('2025-01-01'))).toBe(0);
  });

  test('due times are one segment', () => {
    const segments = dueSegments(ALWAYS_OPEN, at('2026-01-01'), at('2036-01-01'), 2 * HOUR);
    expect(segments).toEqual([{ clock: at('2026-01-01'), due: at('2026-01-01T02:00Z'), slope: 1 }]);
  });
});

describe('PE-8 only open time counts', () => {
  const calendar = buildCalendar(berlin, []);

  test.each([
    ['within a day', '2026-01-05T09:00Z', 2 * HOUR, '2026-01-05T11:00Z'],
    ['to the minute of closing', '2026-01-05T14:00Z', 2 * HOUR, '2026-01-05T16:00Z'],
    ['over a night', '2026-01-05T15:00Z', 2 * HOUR, '2026-01-06T09:00Z'],
    ['over a weekend, in which it was said', '2026-01-10T12:00Z', 1, '2026-01-12T08:00:00.001Z'],
    ['over a holiday and a weekend', '2026-12-24T15:00Z', 2 * HOUR, '2026-12-28T09:00Z'],
    ['into summer time', '2026-03-27T15:30Z', HOUR, '2026-03-30T07:30Z'],
    ['out of it', '2026-10-23T14:30Z', HOUR, '2026-10-26T08:30Z'],
    ['ninety days of it, a holiday between', '2026-01-05T08:00Z', 90 * DAY, '2027-01-18T16:00Z'],
  ])('%s', (_what, clock, afterMs, due) => {
    expect(add(calendar, at(clock), afterMs)).toEqual(at(due));
    expect(counted(calendar, at(clock), at(due))).toBe(afterMs);
  });

  test('a night in which the clocks change is shorter or longer', () => {
    const sunday = [{ day: 7, from: '00:00', until: '24:00' }];
    const hoursOn = (timeZone: string, day: string) =>
      counted(
        buildCalendar({ timeZone, weekly: sunday, holidays: [] }, []),
        new Date(at(day).getTime() - DAY),
        new Date(at(day).getTime() + 2 * DAY),
      ) / HOUR;
    expect(hoursOn('Europe/Berlin', '2026-03-29')).toBe(23);
    expect(hoursOn('Europe/Berlin', '2026-10-25')).toBe(25);
    expect(hoursOn('America/New_York', '2026-03-08')).toBe(23);
    expect(hoursOn('Australia/Lord_Howe', '2026-04-05')).toBe(24.5);
    expect(hoursOn('Australia/Lord_Howe', '2026-10-04')).toBe(23.5);
    expect(hoursOn('Asia/Kathmandu', '2026-03-29')).toBe(24);
  });

  test('a time that the clocks skip is taken as much later, of one that comes twice the first', () => {
    const early = { day: 7, from: '01:00', until: '02:30' };
    const late = { day: 7, from: '02:30', until: '04:00' };
    const first = (entry: typeof early, date: string) =>
      add(buildCalendar({ ...berlin, weekly: [entry] }, []), at(date), 1);
    const lasts = (entry: typeof early, date: string) => {
      const noon = at(`${date}T12:00Z`);
      const before = new Date(noon.getTime() - DAY);
      return counted(buildCalendar({ ...berlin, weekly: [entry] }, []), before, noon) / HOUR;
    };
    expect(lasts(early, '2026-03-29')).toBe(1.5);
    expect(first(late, '2026-03-29')).toEqual(at('2026-03-29T01:30:00.001Z'));
    expect(lasts(early, '2026-10-25')).toBe(1.5);
    expect(first(late, '2026-10-25')).toEqual(at('2026-10-25T00:30:00.001Z'));
    expect(lasts(late, '2026-10-25')).toBe(2.5);
  });

  test('due times stop while it is closed and jump at closing', () => {
    const segments = dueSegments(calendar, at('2026-01-05T08:00Z'), at('2026-01-06T12:00Z'), 2 * HOUR);
    expect(segments).toEqual([
      { clock: at('2026-01-05T08:00Z'), due: at('2026-01-05T10:00Z'), slope: 1 },
      { clock: at('2026-01-05T14:00:00.001Z'), due: at('2026-01-06T08:00:00.001Z'), slope: 1 },
      { clock: at('2026-01-05T16:00Z'), due: at('2026-01-06T10:00Z'), slope: 0 },
      { clock: at('2026-01-06T08:00Z'), due: at('2026-01-06T10:00Z'), slope: 1 },
    ]);
  });

  test('hours that never close are one segment too', () => {
    const weekly = [1, 2, 3, 4, 5, 6, 7].map((day) => ({ day, from: '00:00', until: '24:00' }));
    const always = buildCalendar({ ...berlin, weekly, holidays: [] }, []);
    const segments = dueSegments(always, at('2026-01-01'), at('2027-01-01'), 2 * HOUR);
    expect(segments).toEqual([{ clock: at('2026-01-01'), due: at('2026-01-01T02:00Z'), slope: 1 }]);
  });

  test('what it opens too seldom for is never due, and nothing is due from before there were hours', () => {
    const seldom = buildCalendar({ ...berlin, weekly: [{ day: 1, from: '09:00', until: '09:01' }] }, []);
    expect(add(seldom, at('2026-01-05'), 90 * DAY)).toBeNull();
    expect(subtract(seldom, at('2026-01-05'), 90 * DAY)).toEqual(at('0001-01-01T00:00Z'));
  });
});

describe('LL-7 an outage does not count', () => {
  const outage = (from: string, until: string | null) => ({
    from: at(from),
    until: until === null ? null : at(until),
  });

  test('due times move by its length, overlaps once', () => {
    const calendar = buildCalendar(null, [
      outage('2026-01-01T11:30Z', '2026-01-01T13:00Z'),
      outage('2026-01-01T11:00Z', '2026-01-01T12:00Z'),
    ]);
    expect(add(calendar, at('2026-01-01T10:00Z'), HOUR)).toEqual(at('2026-01-01T11:00Z'));
    expect(add(calendar, at('2026-01-01T10:00:00.001Z'), HOUR)).toEqual(at('2026-01-01T13:00:00.001Z'));
    expect(subtract(calendar, at('2026-01-01T12:59Z'), HOUR)).toEqual(at('2026-01-01T10:00Z'));
  });

  test('without an end nothing falls due that was not', () => {
    const calendar = buildCalendar(berlin, [outage('2026-01-05T10:00Z', null)]);
    expect(add(calendar, at('2026-01-05T08:00Z'), 2 * HOUR)).toEqual(at('2026-01-05T10:00Z'));
    expect(add(calendar, at('2026-01-05T08:00:00.001Z'), 2 * HOUR)).toBeNull();
    expect(subtract(calendar, at('2030-01-01'), 2 * HOUR)).toEqual(at('2026-01-05T08:00Z'));
    expect(dueSegments(calendar, at('2026-01-05T07:00Z'), at('2030-01-01'), 2 * HOUR)).toEqual([
      { clock: at('2026-01-05T07:00Z'), due: at('2026-01-05T10:00Z'), slope: 0 },
      { clock: at('2026-01-05T08:00:00.001Z'), due: null, slope: 0 },
    ]);
  });
});
