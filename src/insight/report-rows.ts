import type { Sql } from 'postgres';
import { readWithin } from '../db/long-read.ts';
import type { EndedBy, EndReason } from '../domain/closing/closing.ts';

/** What the groups of a report can go by, and the column that tells a conversation's. */
const GROUP_COLUMNS = {
  NONE: 'null::uuid',
  CHANNEL: 'channel_id',
  SKILL: 'skill_id',
  AGENT: 'credited_agent_id',
} as const;
export type ReportGrouping = keyof typeof GROUP_COLUMNS;

/** Which conversations a report is of: those started or closed from `from` on and before `until`. */
export type ReportRequest = {
  from: Date;
  until: Date;
  by: ReportGrouping;
  /** Only on this channel; null: on all. */
  channelId: string | null;
  /** Only with this skill; null: with any, or none. */
  skillId: string | null;
};

/** What was closed in the period in one way: by a timer or not, for one reason, by one ender. */
export type ReportCell = {
  isAutomatic: boolean;
  reason: EndReason;
  by: EndedBy;
  closed: number;
  /** Those of them that were started in the period too. */
  samePeriodClosed: number;
  /** From start to end, in all, in milliseconds. */
  handledMs: number;
};

/** The whole of a report, or one group of it. */
export type ReportCount = {
  isTotal: boolean;
  /** The group's id; null: of the total, or of what has none. */
  groupId: string | null;
  started: number;
  cells: ReportCell[];
  /** How late the automatic ends were (LL-13); null without any. */
  lateness: { p50Ms: number; p99Ms: number } | null;
};

const READ_WITHIN_MS = 10_000;

/**
 * Counts what was started and closed in a period (SP-9): the total first unless it is empty, then at most `groups`
 * groups, the largest first. A conversation counts as it stands now: one that was reopened is not closed.
 * It reads all of the account's conversations, for 10 s at most.
 * @throws UnavailableError where that is not enough
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
    // Clocks of two processes may differ by some milliseconds: nothing ends before it was started.
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
