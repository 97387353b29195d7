import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../src/domain/errors.ts';
import { type OpenHours, validateOpenHours } from '../../src/domain/time/open-hours.ts';

const entry = { day: 1, from: '09:00', until: '17:00' };
const berlin: OpenHours = { timeZone: 'Europe/Berlin', weekly: [entry], holidays: ['2026-12-25'] };

describe('PE-8 hours that cannot be are refused', () => {
  test.each<[string, Partial<OpenHours>, string]>([
    ['an unknown zone', { timeZone: 'Europe/Berlyn' }, 'hours.timeZone'],
    ['no zone', { timeZone: '' }, 'hours.timeZone'],
    ['no hours at all', { weekly: [] }, 'hours.weekly'],
    ['a day zero', { weekly: [entry, { ...entry, day: 0 }] }, 'hours.weekly[1].day'],
    ['half a day', { weekly: [{ ...entry, day: 1.5 }] }, 'hours.weekly[0].day'],
    ['a time of another form', { weekly: [{ ...entry, from: '9:00' }] }, 'hours.weekly[0].from'],
    ['24:00 to begin with', { weekly: [{ ...entry, from: '24:00' }] }, 'hours.weekly[0].from'],
    ['25 hours', { weekly: [{ ...entry, until: '25:00' }] }, 'hours.weekly[0].until'],
    ['inverted hours', { weekly: [{ ...entry, until: '08:59' }] }, 'hours.weekly[0].until'],
    ['empty hours', { weekly: [{ ...entry, until: '09:00' }] }, 'hours.weekly[0].until'],
    [
      'hours within others',
      { weekly: [entry, { ...entry, from: '16:59', until: '18:00' }] },
      'hours.weekly[1].from',
    ],
    ['a date that is none', { holidays: ['2026-12-25', '2026-02-30'] }, 'hours.holidays[1]'],
    ['a date of another form', { holidays: ['25.12.2026'] }, 'hours.holidays[0]'],
  ])('%s', (_what, change, field) => {
    const validate = () => validateOpenHours({ ...berlin, ...change }, 'hours');
    expect(validate).toThrow(InvalidInputError);
    expect(validate).toThrow(expect.objectContaining({ field }));
  });

  test('hours that touch, until midnight, on a leap day, are fine', () => {
    const weekly = [entry, { day: 1, from: '17:00', until: '24:00' }, { ...entry, day: 7 }];
    expect(() => validateOpenHours({ ...berlin, weekly, holidays: ['2028-02-29'] }, 'hours')).not.toThrow();
  });
});
