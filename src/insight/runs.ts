import type { Sql } from 'postgres';
import { readWithin } from '../db/long-read.ts';
import type { EndReason } from '../domain/closing/closing.ts';

/** Automatic ends by one rules version, without those reopened since. */
export type Run = {
  rulesVersion: number;
  ended: number;
  reasons: { reason: EndReason; ended: number }[];
  firstEndedAt: Date;
  lastEndedAt: Date;
};

const READ_WITHIN_MS = 10_000;

/**
 * Returns a page of an account's runs, newest version first, with versions below `before`. It reads all of the account's
 * conversations, because an index would slow every close.
 * @throws UnavailableError if reading takes longer than 10 s
 */
export async function readRuns(
  sql: Sql,
  accountId: string,
  before: number | null,
  limit: number,
): Promise<Run[]> {
  const rows = await readWithin(
    sql,
    READ_WITHIN_MS,
    (tx) => tx<Row[]>`
      select rules_version, sum(ended)::int as ended, min(first_at) as first_at, max(last_at) as last_at,
        jsonb_agg(jsonb_build_object('reason', end_reason, 'ended', ended) order by ended desc, end_reason) as reasons
      from (
        select rules_version, end_reason, count(*) as ended, min(ended_at) as first_at, max(ended_at) as last_at
        from conversation
        where account_id = ${accountId} and status = 'ENDED' and lateness_ms is not null
          and (${before}::bigint is null or rules_version < ${before})
        group by rules_version, end_reason
      ) as counted
      group by rules_version order by rules_version desc limit ${limit}`,
  );
  return rows.map((row) => ({
    rulesVersion: Number(row.rules_version),
    ended: row.ended,
    reasons: row.reasons,
    firstEndedAt: row.first_at,
    lastEndedAt: row.last_at,
  }));
}

type Row = {
  rules_version: string;
  ended: number;
  first_at: Date;
  last_at: Date;
  reasons: Run['reasons'];
};
