import type { ReplayResult } from '../../src/insight/replay/replay.ts';
import type { TimelineRow } from '../../src/insight/replay/timeline.ts';

const HOUR_MS = 3_600_000;

type Open = {
  status: 'NEW' | 'WAITING' | 'ACTIVE';
  consumerWroteLast: boolean;
  firstMs: number;
  lastMs: number;
};
type Ended = { atMs: number };

/** A second, minimal implementation of the counts of a replay. It shares no code with the first. */
export function modelReplay(rows: readonly TimelineRow[], afterMs: number, windowMs: number): ReplayResult {
  const counted = { messages: 0, contacts: 0, conversations: 0, reopened: 0, premature: 0 };
  const ended = { AUTO_CLOSE: 0, UNANSWERED: 0, PROTECTION: 0 };

  const endBefore = (open: Open, untilMs: number): Ended | null => {
    const due: [number, keyof typeof ended][] = [[open.lastMs + 90 * 24 * HOUR_MS, 'PROTECTION']];
    if (open.status === 'NEW') due.unshift([open.firstMs + 48 * HOUR_MS, 'UNANSWERED']);
    if (open.status === 'ACTIVE' && !open.consumerWroteLast)
      due.unshift([open.lastMs + afterMs, 'AUTO_CLOSE']);
    const atMs = Math.min(...due.map(([instant]) => instant));
    if (atMs >= untilMs) return null;
    for (const [instant, reason] of due)
      if (instant === atMs) {
        ended[reason] += 1;
        break;
      }
    return { atMs };
  };

  for (const name of new Set(rows.map(({ conversation }) => conversation))) {
    counted.contacts += 1;
    let open: Open | null = null;
    let end: Ended | null = null;
    for (const row of rows) {
      if (row.conversation !== name) continue;
      counted.messages += 1;
      const nowMs: number = row.at.getTime();
      const consumerWroteLast = row.from === 'consumer';
      if (open !== null) {
        end = endBefore(open, nowMs);
        if (end !== null) open = null;
      }
      if (open !== null) {
        if (consumerWroteLast && open.status === 'NEW') open.status = 'WAITING';
        else if (!consumerWroteLast && open.status === 'WAITING') open.status = 'ACTIVE';
        open.consumerWroteLast = consumerWroteLast;
        open.lastMs = nowMs;
        continue;
      }
      if (consumerWroteLast && end !== null && nowMs - end.atMs <= windowMs) {
        counted.reopened += 1;
        counted.premature += 1;
      } else counted.conversations += 1;
      open = {
        status: consumerWroteLast ? 'WAITING' : 'NEW',
        consumerWroteLast,
        firstMs: nowMs,
        lastMs: nowMs,
      };
    }
    if (open !== null) endBefore(open, Number.POSITIVE_INFINITY);
  }
  return { ...counted, ended };
}
