import { median } from '../measure.ts';

/** A quantity over time: one value for each sample; null where it could not be read. */
export type Series = {
  name: string;
  unit: string;
  /** Whether a trend fails the soak. False for quantities that follow the load: they are only shown. */
  judged: boolean;
  /** A difference below this is none, in the unit. */
  floor: number;
  /** Which of a few samples in a row counts: the lowest of what comes and goes, the highest of what is given back rarely. */
  counts: 'lowest' | 'highest';
  values: (number | null)[];
};

/** A series in its first and its last quarter, and whether it grows. */
export type Verdict = {
  name: string;
  unit: string;
  first: number;
  last: number;
  /** Kendall's rank correlation with time: 1, it only rises; 0, it goes up and down. */
  trend: number;
  verdict: 'flat' | 'GROWS' | '';
};

/** Values are looked at by so many at a time, and one of them counts. */
const IN_A_ROW = 4;
const GROWTH = 1.1;
/** How sure a rise has to be: once in a hundred series that do not rise (one-sided). */
const RISES_FROM_Z = 2.33;

/** The rule, in words. */
export const RULE = `The first fifth of the time is not judged. Of every ${IN_A_ROW} samples the lowest counts, as garbage comes and goes; of a
process's memory the highest, as it is rarely given back. A figure GROWS where it rises with time (Mann-Kendall, one-sided, 1 %) and the median of its last quarter is over 10 % above that of its first, and by more than
is worth mentioning (its floor); else it is flat. Figures without a verdict follow what was asked of the service.`;

/** Judges a series by the rule. */
export function judge({ name, unit, judged, floor, counts, values }: Series): Verdict {
  const known = values
    .slice(Math.floor(values.length / 5))
    .flatMap((value) => (value === null || Number.isNaN(value) ? [] : [value]));
  const pick = counts === 'lowest' ? Math.min : Math.max;
  const picked: number[] = [];
  for (let from = 0; from < known.length; from += IN_A_ROW)
    picked.push(pick(...known.slice(from, from + IN_A_ROW)));
  const quarter = Math.max(1, Math.floor(picked.length / 4));
  const first = median(picked.slice(0, quarter));
  const last = median(picked.slice(-quarter));
  const { trend, z } = kendall(picked);
  const grows = z > RISES_FROM_Z && last > first * GROWTH && last - first > floor;
  return { name, unit, first, last, trend, verdict: judged ? (grows ? 'GROWS' : 'flat') : '' };
}

/** Whether values rise with time: Kendall's tau, and how many standard deviations that is from chance. */
export function kendall(values: readonly number[]): { trend: number; z: number } {
  const count = values.length;
  if (count < 3) return { trend: 0, z: 0 };
  let score = 0;
  for (let later = 1; later < count; later++)
    for (let earlier = 0; earlier < later; earlier++)
      score += Math.sign((values[later] as number) - (values[earlier] as number));
  const variance = (count * (count - 1) * (2 * count + 5)) / 18;
  const z = score === 0 ? 0 : (score - Math.sign(score)) / Math.sqrt(variance);
  return { trend: score / ((count * (count - 1)) / 2), z };
}
