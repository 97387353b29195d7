import type { Sql } from 'postgres';
import { readWithin } from '../db/long-read.ts';
import type { EndedBy, EndReason } from '../domain/closing/closing.ts';

/** The groupings of a report, each with its column. */
const GROUP_COLUMNS = {
  NONE: 'null::uuid',
  CHANNEL: 'channel_id',
  SKILL: 'skill_id',
  AGENT: 'credited_agent_id',
} as const;
export type ReportGrouping = keyof typeof GROUP_COLUMNS;

/** A report on conversations started or closed from `from` (inclusive) until `until` (exclusive). */
export type ReportRequest = {
  from: Date;
  until: Date;
  by: ReportGrouping;
  /** Only this channel; null for all. */
  channelId: string | null;
  /** Only this skill; null for all, including none. */
  skillId: string | null;
};

/** Conversations closed in the period, by timer or not, by reason, and by ender. */
export type ReportCell = {
  isAutomatic: boolean;
  reason: EndReason;
  by: EndedBy;
  closed: number;
  /** Of these, the conversations also started in the period. */
  samePeriodClosed: number;
  /** The sum of the times from start to end, in milliseconds. */
  handledMs: number;
};

/** The total or one group of a report. */
export type ReportCount = {
  isTotal: boolean;
  /** The group's id; null for the total and for conversations without one. */
  groupId: string | null;
  started: number;
  cells: ReportCell[];
  /** The lateness of automatic ends (LL-13); null if there are none. */
  lateness: { p50Ms: number; p99Ms: number } | null;
};

const READ_WITHIN_MS = 10_000;

/**
 * Counts conversations started and closed in a period (SP-9): the total first unless it is empty, then at most `groups`
 * groups, largest first. Current states count: a reopened conversation is not closed.
 * @throws UnavailableError if reading takes longer than 10 s
 */
export async function readReport(
  sql: Sql,
  accountId: string,
  { from, until, by, channelId, skillId }: ReportRequest,
  groups: number,
): Promise<ReportCount[]> {
  const rows = await readWithin<CountRow[]>(sql, READ_WITHIN_MS, (tx) => {
    const isStarted = tx`(started_at >= ${from} and started_at < ${until})`;
    const isClosed = tx`(status = 'ENDED' and ended_at >= ${from} and ended_at < ${until})`;
    // Clocks of two processes may differ by milliseconds, so a conversation could seem to end before its start.
    return tx<CountRow[]>`
      with found as not materialized (
        select ${tx.unsafe(GROUP_COLUMNS[by])} as group_id, ${isStarted} as is_started, ${isClosed} as is_closed,
          lateness_ms is not null as is_automatic, lateness_ms, end_reason, ended_by,
          greatest(ended_at - started_at, interval '0') as handled
        from conversation
        where account_id = ${accountId} and (${isStarted} or ${isClosed})
          and (${channelId}::uuid is null or channel_id = ${channelId})
          and (${skillId}::uuid is null or skill_id = ${skillId})
      ), cell as (
        select group_id, is_closed, is_automatic, end_reason, ended_by,
          count(*) as found, count(*) filter (where is_started) as started, sum(handled) as handled
        from found group by group_id, is_closed, is_automatic, end_reason, ended_by
      ), summed as (
        select grouping(group_id) = 1 as is_total, group_id, is_closed, is_automatic, end_reason, ended_by,
          sum(found) as found, sum(started) as started, sum(handled) as handled
        from cell group by grouping sets (
          (is_closed, is_automatic, end_reason, ended_by), (group_id, is_closed, is_automatic, end_reason, ended_by))
      ), counted as (
        select is_total, group_id, sum(found) as found, sum(started)::int as started,
          jsonb_agg(jsonb_build_object('isAutomatic', is_automatic, 'reason', end_reason, 'by', ended_by,
            'closed', found, 'samePeriodClosed', started, 'handledMs', extract(epoch from handled) * 1000)
          ) filter (where is_closed) as cells
        from summed group by is_total, group_id
        order by is_total desc, found desc, group_id limit ${groups + 1}
      ), late as (
        select grouping(group_id) = 1 as is_total, group_id,
          percentile_disc(array[0.5, 0.99]) within group (order by lateness_ms) as lateness
        from found where is_closed and is_automatic group by grouping sets ((), (group_id))
      )
      select counted.is_total, counted.group_id, started, cells, lateness
      from counted left join late
        on late.is_total = counted.is_total and late.group_id is not distinct from counted.group_id
      order by counted.is_total desc, found desc, counted.group_id`;
  });
  return rows.map(countOf);
}

type CountRow = {
  is_total: boolean;
  group_id: string | null;
  started: number;
  cells: ReportCell[] | null;
  lateness: [string, string] | null;
};

function countOf({ is_total, group_id, started, cells, lateness }: CountRow): ReportCount {
  return {
    isTotal: is_total,
    groupId: group_id,
    started,
    cells: cells ?? [],
    lateness: lateness && { p50Ms: Number(lateness[0]), p99Ms: Number(lateness[1]) },
  };
}
