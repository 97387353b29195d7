import type { Sql, TransactionSql } from 'postgres';

/**
 * A period in which messages could not arrive (LL-7), on one channel or on all. DOWNTIME: the service's own.
 */
export type OutageRow = {
  id: string;
  kind: 'OUTAGE' | 'DOWNTIME';
  channelId: string | null;
  since: Date;
  until: Date | null;
};

const COLUMNS = 'id, kind, channel_id as "channelId", since, until';

/** Writes an outage of an account; part of a change of rules. */
export async function insertOutage(sql: TransactionSql, accountId: string, outage: OutageRow): Promise<void> {
  const { id, kind, channelId, since, until } = outage;
  await sql`insert into outage ${sql({ account_id: accountId, id, kind, channel_id: channelId, since, until })}`;
}

/** Sets the end of an outage, as part of a change of rules. */
export async function setOutageEnd(
  sql: TransactionSql,
  accountId: string,
  outageId: string,
  until: Date,
): Promise<void> {
  await sql`update outage set until = ${until} where account_id = ${accountId} and id = ${outageId}`;
}

/** Reads outages by id, in no particular order. Pauses are left out. */
export async function readOutages(
  sql: Sql | TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<OutageRow[]> {
  return await sql.unsafe<OutageRow[]>(
    `select ${COLUMNS} from outage where account_id = $1 and id = any($2::uuid[]) and kind <> 'PAUSE'`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** A page of an account's outages, the latest recorded first: those recorded before `before`. */
export async function readOutagePage(
  sql: Sql,
  accountId: string,
  before: string | null,
  limit: number,
): Promise<OutageRow[]> {
  return await sql.unsafe<OutageRow[]>(
    `select ${COLUMNS} from outage
     where account_id = $1 and kind <> 'PAUSE' and ($2::uuid is null or id < $2) order by id desc limit $3`,
    [accountId, before, limit],
    { prepare: true },
  );
}

/**
 * Whether a downtime is recorded that began by then and lasts at least until `until`. Across accounts by design.
 */
export async function hasDowntime(sql: TransactionSql, sinceBy: Date, until: Date): Promise<boolean> {
  const [found] = await sql`
    select from outage where kind = 'DOWNTIME' and since <= ${sinceBy} and until >= ${until} limit 1`;
  return found !== undefined;
}

/**
 * Locks every account in the order of ids, before a change of the rules of all of them. Across accounts by design.
 */
export async function lockAllAccounts(sql: TransactionSql): Promise<string[]> {
  const rows = await sql<
    { account_id: string }[]
  >`select account_id from account order by account_id for no key update`;
  return rows.map((row) => row.account_id);
}

/**
 * Inserts an outage of each given account, as a change of its rules, in one statement whatever their number. The
 * reconciler schedules their lanes, because `scheduled_version` is behind. Across accounts by design.
 */
export async function insertDowntime(
  sql: TransactionSql,
  accounts: readonly { accountId: string; outageId: string }[],
  { since, until, now, why }: { since: Date; until: Date; now: Date; why: string },
): Promise<void> {
  const after = { kind: 'DOWNTIME', since: since.toISOString(), until: until.toISOString() };
  await sql`
    with down as materialized (
      select * from unnest(
        ${accounts.map(({ accountId }) => accountId)}::uuid[], ${accounts.map(({ outageId }) => outageId)}::uuid[]
      ) as rows (account_id, outage_id)
    ), noted as (
      insert into outage (account_id, id, kind, channel_id, since, until)
      select account_id, outage_id, 'DOWNTIME', null, ${since}, ${until} from down
    ), raised as (
      update account set rules_version = account.rules_version + 1, rules_since = ${now}
      from down where account.account_id = down.account_id
      returning account.account_id, account.rules_version
    )
    insert into rules_version (account_id, version, kind, channel_id, skill_id, before, after, changed_by, changed_at, why)
    select account_id, rules_version, 'OUTAGE', null, null, null, ${sql.json(after)}, 'service', ${now}, ${why} from raised`;
}
