import type { Calendar, UncountedKind } from './calendar.ts';
import { type Interval, union, without } from './intervals.ts';
import { openStretches } from './open-hours.ts';

/** A period in which no time counts, and the reason. `until` null: it has no end yet. */
export type Gap = { kind: UncountedKind | 'CLOSED'; from: Date; until: Date | null };

/** The hours of at most this long are listed: a sentence names no more. */
const MAX_CLOSED_MS = 366 * 86_400_000;

/**
 * The periods between two instants that do not count (PE-8, LL-7), each with its own beginning and end: an outage that
 * began before `from` is returned whole. Closed hours are cut to the span. Periods of different kinds can overlap.
 */
export function gapsBetween({ hours, uncounted }: Calendar, from: Date, until: Date): Gap[] {
  const [fromMs, untilMs] = [from.getTime(), until.getTime()];
  const stops = uncounted
    .filter((each) => each.from < until && (each.until === null || each.until > from))
    .map(({ kind = 'OUTAGE', ...each }): Gap => ({ kind, ...each }));
  return [...stops, ...closedBetween(hours, fromMs, untilMs)].sort(
    (a, b) => a.from.getTime() - b.from.getTime(),
  );
}

function closedBetween(hours: Calendar['hours'], fromMs: number, untilMs: number): Gap[] {
  if (hours === null || untilMs <= fromMs || untilMs - fromMs > MAX_CLOSED_MS) return [];
  const span: Interval = { from: fromMs, until: untilMs };
  const closed = without([span], union(openStretches(hours)(fromMs, untilMs)));
  return closed.map(
    (each): Gap => ({
      kind: 'CLOSED',
      from: new Date(each.from),
      until: new Date(each.until),
    }),
  );
}
