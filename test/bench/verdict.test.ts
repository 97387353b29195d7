import { describe, expect, it } from 'vitest';
import { judge, kendall } from '../../bench/soak/verdict.ts';

const series = (values: (number | null)[], counts: 'lowest' | 'highest' = 'lowest') => ({
  ...{ name: 'heap', unit: 'MiB', judged: true, floor: 8, counts },
  values,
});
const over = (count: number, valueAt: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => valueAt(index));
/** A sawtooth like a heap's: it rises for 7 samples and falls again. */
const sawtooth = (index: number) => 100 + (index % 7) * 20;

describe("a soak's verdict", () => {
  it.each([
    ['a constant series', over(120, () => 100), 'flat'],
    ['garbage that is collected again', over(120, sawtooth), 'flat'],
    [
      'a series that grows only in its first fifth',
      over(120, (index) => 100 + Math.min(index, 24) * 5),
      'flat',
    ],
    ['a series that grows by a negligible amount', over(120, (index) => 10 + index * 0.05), 'flat'],
    ['a series that grows by less than a tenth', over(120, (index) => 1_000 + index * 0.5), 'flat'],
    ['a falling series', over(120, (index) => 1_000 - index * 5), 'flat'],
    ['a leak', over(120, (index) => 100 + index), 'GROWS'],
    [
      'a leak beneath garbage that is collected again',
      over(120, (index) => sawtooth(index) + index),
      'GROWS',
    ],
  ])('judges %s', (_what, values, expected) => {
    expect(judge(series(values)).verdict).toBe(expected);
  });

  it('uses the highest sample for memory that is rarely given back', () => {
    const givenBackOnce = over(120, (index) => (index > 35 && index < 45 ? 190 : 300));
    expect([
      judge(series(givenBackOnce, 'lowest')).first,
      judge(series(givenBackOnce, 'highest')).first,
    ]).toEqual([190, 300]);
  });

  it('ignores missing samples, and is empty for a series that is not judged', () => {
    const values = over(120, (index) => 100 + index).flatMap((value) => [value, null, Number.NaN]);
    expect(judge(series(values)).verdict).toBe('GROWS');
    expect(judge({ ...series(values), judged: false }).verdict).toBe('');
    expect(judge(series([])).verdict).toBe('flat');
  });

  it("computes the trend as Kendall's rank correlation with time", () => {
    expect(kendall([1, 2, 3, 4]).trend).toBe(1);
    expect(kendall([4, 3, 2, 1]).trend).toBe(-1);
    // 5 pairs rise and 1 falls.
    expect(kendall([1, 2, 4, 3]).trend).toBeCloseTo(4 / 6);
    // S = 45, variance 10 * 9 * 25 / 18 = 125: (45 - 1) / 11.18.
    expect(kendall(over(10, (index) => index)).z).toBeCloseTo(3.935, 3);
  });
});
