import { type Gap, gapsBetween } from '../../domain/time/gaps.ts';
import type { Timer } from '../../domain/time/timers.ts';
import { type Speaker, sayTimeNear } from './say.ts';

/** How many gaps of one kind are named one by one. */
const MAX_NAMED = 2;

type Words = { one: (times: string, isOver: boolean) => string; many: (count: number) => string };
const WORDS: Readonly<Record<Gap['kind'], Words>> = {
  CLOSED: {
    one: (times, isOver) => `the calendar ${isOver ? 'was' : 'is'} closed ${times}`,
    many: (count) => `the calendar is closed ${count} times in between`,
  },
  OUTAGE: {
    one: (times) => `an outage ${times} does not count`,
    many: (count) => `${count} outages do not count`,
  },
  DOWNTIME: {
    one: (times) => `a downtime of Lull ${times} does not count`,
    many: (count) => `${count} downtimes of Lull do not count`,
  },
  PAUSE: {
    one: (times) => `a pause ${times} does not count`,
    many: (count) => `${count} pauses do not count`,
  },
};

/** Clauses about the time between a clock and a due instant that does not count: closed hours, outages and pauses. */
export function sayGaps({ calendar }: Timer, from: Date, due: Date, speaker: Speaker): string[] {
  const gaps = gapsBetween(calendar, from, due);
  return [...Map.groupBy(gaps, ({ kind }) => kind)].flatMap(([kind, own]) => {
    const { one, many } = WORDS[kind];
    const named = own.map((gap) =>
      one(timesOf(gap, due, speaker), gap.until !== null && gap.until <= speaker.now),
    );
    const last = own.at(-1);
    return own.length <= MAX_NAMED || last === undefined
      ? named
      : [`${many(own.length)}, the last time ${timesOf(last, due, speaker)}`];
  });
}

function timesOf({ from, until }: Gap, due: Date, speaker: Speaker): string {
  const start = sayTimeNear(from, due, speaker);
  return until === null ? `since ${start}` : `from ${start} to ${sayTimeNear(until, due, speaker)}`;
}
