import type { Sql } from 'postgres';

/** A change of an account's rules, as its history stores it. */
export type RulesVersionRow = {
  version: number;
  kind:
    | 'POLICY'
    | 'PROFILE'
    | 'CHANNEL'
    | 'CALENDAR'
    | 'OUTAGE'
    | 'EXEMPT_TAGS'
    | 'CASE_STATUSES'
    | 'ENDPOINT';
  channelId: string | null;
  skillId: string | null;
  before: Readonly<Record<string, unknown>> | null;
  after: Readonly<Record<string, unknown>> | null;
  changedBy: string;
  changedAt: Date;
  why: string | null;
};

/** A page of the history of an account's rules, the newest first: versions before `before`. */
export async function readRulesVersions(
  sql: Sql,
  accountId: string,
  before: number | null,
  limit: number,
): Promise<RulesVersionRow[]> {
  const rows = await sql.unsafe<(RulesVersionRow & { version: string | number })[]>(
    `select version, kind, channel_id as "channelId", skill_id as "skillId", before, after,
       changed_by as "changedBy", changed_at as "changedAt", why
     from rules_version where account_id = $1 and ($2::bigint is null or version < $2) order by version desc limit $3`,
    [accountId, before, limit],
    { prepare: true },
  );
  return rows.map((row) => ({ ...row, version: Number(row.version) }));
}
