import type { Sql } from 'postgres';
import type { Temporal } from 'temporal-polyfill';
import type { EndedBy, EndReason } from '../domain/closing/closing.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { fromMilliseconds } from '../domain/time/duration.ts';
import { type ReportCell, type ReportCount, type ReportRequest, readReport } from './report-rows.ts';

export type { ReportGrouping, ReportRequest } from './report-rows.ts';

/** The longest period of a report, in days of 24 hours. */
export const MAX_PERIOD_DAYS = 366;
export const MAX_GROUPS = 200;

/** The range of instants that both Postgres and RFC 3339 can represent. */
const FIRST_INSTANT = Date.parse('0001-01-01T00:00:00Z');
const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z');

/** Figures of the conversations closed in the period: all, automatic or manual (SP-12). */
export type Figures = {
  totalClosed: number;
  samePeriodClosed: number;
  /** `samePeriodClosed` divided by the conversations started; null if none started. */
  caseCompletionRate: number | null;
  /** The average time from start to end, in whole milliseconds; null if none closed. */
  averageHandleTime: Temporal.Duration | null;
  /** Most frequent first. */
  reasons: { reason: EndReason; closed: number }[];
  /** Most frequent first (PE-14). */
  enders: { by: EndedBy; closed: number }[];
};

/** The total or one group. */
export type ReportRow = {
  groupId: string | null;
  started: number;
  all: Figures;
  automatic: Figures;
  manual: Figures;
  lateness: ReportCount['lateness'];
};

/** A report on conversations started and closed in a period (SP-9). */
export type Report = { total: ReportRow; groups: ReportRow[]; hasMoreGroups: boolean };

/**
 * Reports on a period of an account (SP-9, SP-12), by the current states of its conversations.
 * @throws InvalidInputError naming `from` or `until`; UnavailableError if reading takes longer than 10 s
 */
export async function report(sql: Sql, accountId: string, request: ReportRequest): Promise<Report> {
  checkPeriod(request);
  const counts = await readReport(sql, accountId, request, request.by === 'NONE' ? 0 : MAX_GROUPS + 1);
  const groups = counts.filter(({ isTotal }) => !isTotal).map(rowOf);
  return {
    total: rowOf(counts.find(({ isTotal }) => isTotal) ?? NOTHING),
    groups: groups.slice(0, MAX_GROUPS),
    hasMoreGroups: groups.length > MAX_GROUPS,
  };
}

const NOTHING: ReportCount = { isTotal: true, groupId: null, started: 0, cells: [], lateness: null };

function checkPeriod({ from, until }: ReportRequest): void {
  if (from.getTime() < FIRST_INSTANT)
    throw new InvalidInputError('from', 'an instant of the year 1 or later is allowed');
  const lengthMs = until.getTime() - from.getTime();
  if (lengthMs <= 0 || lengthMs > MAX_PERIOD_DAYS * 86_400_000 || until.getTime() > LAST_INSTANT)
    throw new InvalidInputError(
      'until',
      `an instant after from, at most ${MAX_PERIOD_DAYS} days later and of the year 9999 or earlier, is allowed`,
    );
}

function rowOf({ groupId, started, cells, lateness }: ReportCount): ReportRow {
  return {
    groupId,
    started,
    all: figuresOf(cells, started),
    automatic: figuresOf(
      cells.filter(({ isAutomatic }) => isAutomatic),
      started,
    ),
    manual: figuresOf(
      cells.filter(({ isAutomatic }) => !isAutomatic),
      started,
    ),
    lateness,
  };
}

function figuresOf(cells: readonly ReportCell[], started: number): Figures {
  const sum = (of: (cell: ReportCell) => number) => cells.reduce((total, cell) => total + of(cell), 0);
  const totalClosed = sum(({ closed }) => closed);
  const samePeriodClosed = sum((cell) => cell.samePeriodClosed);
  const handledMs = sum((cell) => cell.handledMs);
  return {
    totalClosed,
    samePeriodClosed,
    caseCompletionRate: started === 0 ? null : samePeriodClosed / started,
    averageHandleTime: totalClosed === 0 ? null : fromMilliseconds(Math.round(handledMs / totalClosed)),
    reasons: closedBy(cells, ({ reason }) => reason).map(([reason, closed]) => ({ reason, closed })),
    enders: closedBy(cells, ({ by }) => by).map(([by, closed]) => ({ by, closed })),
  };
}

/** Counts closed conversations by kind, most frequent first, then by name. */
function closedBy<Kind extends string>(
  cells: readonly ReportCell[],
  kindOf: (cell: ReportCell) => Kind,
): [Kind, number][] {
  const counts = new Map<Kind, number>();
  for (const cell of cells) counts.set(kindOf(cell), (counts.get(kindOf(cell)) ?? 0) + cell.closed);
  return [...counts].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
}
