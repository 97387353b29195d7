import type { Sql, TransactionSql } from 'postgres';
import type { Counted } from '../../domain/bounds.ts';

/** The rows that count against each bound of an account. Outages count for 90 days. */
const COUNTS: Readonly<Record<Counted, string>> = {
  skills: 'from skill where account_id = $1',
  agents: 'from agent where account_id = $1',
  channels: 'from channel where account_id = $1',
  calendars: 'from calendar where account_id = $1',
  apiKeys:
    'from api_key where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2::timestamptz)',
  policyLayers: 'from policy_layer where account_id = $1',
  outages: `from outage where account_id = $1 and kind = 'OUTAGE' and (until is null or until > $2::timestamptz - interval '90 days')`,
};

/** Counts rows against a bound. Locks the account first, so that the second of two inserts counts the first. */
export async function countOf(
  sql: Sql | TransactionSql,
  accountId: string,
  counted: Counted,
  now: Date,
): Promise<number> {
  await sql.unsafe('select 1 from account where account_id = $1 for no key update', [accountId]);
  const [row] = await sql.unsafe<{ count: number }[]>(
    `select count(*)::int as count ${COUNTS[counted]}`,
    COUNTS[counted].includes('$2') ? [accountId, now] : [accountId],
  );
  return row?.count ?? 0;
}
