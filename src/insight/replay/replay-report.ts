import type { Temporal } from 'temporal-polyfill';
import { describeDuration, formatDuration } from '../../domain/time/duration.ts';
import type { ReplayResult, ReplaySettings } from './replay.ts';
import type { TimelineRow } from './timeline.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The histogram's steps; each ends before `untilMs`, where the next begins. */
const STEPS: readonly { label: string; untilMs: number }[] = [
  { label: 'under 1 min', untilMs: MINUTE_MS },
  { label: '1 - 5 min', untilMs: 5 * MINUTE_MS },
  { label: '5 - 15 min', untilMs: 15 * MINUTE_MS },
  { label: '15 - 30 min', untilMs: 30 * MINUTE_MS },
  { label: '30 - 60 min', untilMs: HOUR_MS },
  { label: '1 - 2 h', untilMs: 2 * HOUR_MS },
  { label: '2 - 4 h', untilMs: 4 * HOUR_MS },
  { label: '4 - 8 h', untilMs: 8 * HOUR_MS },
  { label: '8 - 24 h', untilMs: DAY_MS },
  { label: '1 - 2 days', untilMs: 2 * DAY_MS },
  { label: '2 - 4 days', untilMs: 4 * DAY_MS },
  { label: '4 - 7 days', untilMs: 7 * DAY_MS },
  { label: '7 - 14 days', untilMs: 14 * DAY_MS },
  { label: '14 - 30 days', untilMs: 30 * DAY_MS },
  { label: '30 days and over', untilMs: Number.POSITIVE_INFINITY },
];

const LABEL_WIDTH = 18;
const COUNT_WIDTH = 11;
const RATE_WIDTH = 9;
const BAR_WIDTH = 36;

/** One step of the histogram of reply gaps. */
export type GapStep = { label: string; count: number };

/** Counts the gaps between consecutive rows of a conversation by length. */
export function countGaps(rows: Iterable<TimelineRow>): GapStep[] {
  const counts = STEPS.map(({ label }) => ({ label, count: 0 }));
  const lastMs = new Map<string, number>();
  for (const { conversation, at } of rows) {
    const atMs = at.getTime();
    const gapMs = atMs - (lastMs.get(conversation) ?? Number.NaN);
    const step = counts[STEPS.findIndex(({ untilMs }) => gapMs < untilMs)];
    if (step) step.count += 1;
    lastMs.set(conversation, atMs);
  }
  return counts;
}

/** Formats a replay as text of at most 80 columns, with a histogram of reply gaps. `heading` styles headings. */
export function replayReport(
  settings: ReplaySettings,
  result: ReplayResult,
  gaps: readonly GapStep[],
  heading: (text: string) => string,
): string {
  const ends = Object.values(result.ended).reduce((sum, count) => sum + count, 0);
  const ofGaps = gaps.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(...gaps.map(({ count }) => count));
  return [
    heading('Settings'),
    setting('profile', settings.profile.id),
    setting('closes after', spoken(settings.after)),
    setting('reopens within', spoken(settings.reopenWithin)),
    '',
    heading('Counts'),
    line('messages', number(result.messages)),
    line('contacts', number(result.contacts)),
    line('conversations', number(result.conversations)),
    '',
    heading('Automatic ends'),
    ...Object.entries(result.ended).map(([reason, count]) => line(reason, number(count), rate(count, ends))),
    line('all', number(ends)),
    line('reopened', number(result.reopened), rate(result.reopened, ends)),
    line('premature', number(result.premature), rate(result.premature, ends), 'of the automatic ends'),
    '',
    heading('Reply gaps, from one message of a conversation to the next'),
    ...gaps.map(({ label, count }) => line(label, number(count), rate(count, ofGaps), bar(count, most))),
    line('all', number(ofGaps)),
    '',
  ].join('\n');
}

function line(label: string, value: string, share = '', tail = ''): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value.padStart(COUNT_WIDTH)}${share.padStart(RATE_WIDTH)}  ${tail}`.trimEnd();
}

function setting(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value}`;
}

function spoken(duration: Temporal.Duration): string {
  return `${describeDuration(duration)} (${formatDuration(duration)})`;
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}

function rate(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** A bar in proportion to the largest count; at least one block unless the count is 0. */
function bar(count: number, most: number): string {
  return count === 0 ? '' : '█'.repeat(Math.max(1, Math.round((BAR_WIDTH * count) / most)));
}
