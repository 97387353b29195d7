import type { Sql, TransactionSql } from 'postgres';
import { ENDPOINT_COLUMNS, type EndpointRow, IS_NOT_DELETED } from '../db/rows/webhook-endpoints.ts';

/** What of an endpoint an account sets. */
export type EndpointFields = Pick<EndpointRow, 'url' | 'events' | 'channelId'>;

/** All endpoints of an account, the oldest first. */
export async function listEndpoints(sql: Sql, accountId: string): Promise<EndpointRow[]> {
  return await sql.unsafe<EndpointRow[]>(
    `select ${ENDPOINT_COLUMNS} from webhook_endpoint where account_id = $1 and ${IS_NOT_DELETED} order by id`,
    [accountId],
    { prepare: true },
  );
}

/** Those of an account's endpoints that have these ids. */
export async function readEndpoints(
  sql: Sql | TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<EndpointRow[]> {
  return await sql.unsafe<EndpointRow[]>(
    `select ${ENDPOINT_COLUMNS} from webhook_endpoint where account_id = $1 and id = any($2::uuid[]) and ${IS_NOT_DELETED}`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** How many endpoints an account has. */
export async function countEndpoints(sql: TransactionSql, accountId: string): Promise<number> {
  const [row] = await sql.unsafe(
    `select count(*)::int from webhook_endpoint where account_id = $1 and ${IS_NOT_DELETED}`,
    [accountId],
  );
  return row?.count ?? 0;
}

/** Writes a new endpoint; `secret` is to be encrypted. */
export async function insertEndpoint(
  sql: TransactionSql,
  accountId: string,
  { id, url, events, channelId, secret }: EndpointFields & { id: string; secret: string },
  now: Date,
): Promise<void> {
  await sql`insert into webhook_endpoint ${sql({ account_id: accountId, id, url, events, channel_id: channelId, secret, created_at: now })}`;
}

/** Writes what an account sets of an endpoint. */
export async function writeEndpoint(
  sql: TransactionSql,
  accountId: string,
  id: string,
  { url, events, channelId }: EndpointFields,
): Promise<void> {
  await sql`
    update webhook_endpoint set url = ${url}, events = ${events}, channel_id = ${channelId}
    where account_id = ${accountId} and id = ${id}`;
}

/** Gives an endpoint another secret, encrypted; the one it had signs too until an instant. */
export async function writeSecret(
  sql: TransactionSql,
  accountId: string,
  id: string,
  secret: string,
  previousUntil: Date,
): Promise<void> {
  await sql`
    update webhook_endpoint set secret = ${secret}, previous_secret = secret, previous_secret_until = ${previousUntil}
    where account_id = ${accountId} and id = ${id}`;
}

/** Gives an endpoint another secret, encrypted; the one it had signs no more, nor does any before it. */
export async function replaceSecret(
  sql: TransactionSql,
  accountId: string,
  id: string,
  secret: string,
): Promise<void> {
  await sql`
    update webhook_endpoint set secret = ${secret}, previous_secret = null, previous_secret_until = null
    where account_id = ${accountId} and id = ${id}`;
}

/** Disables an endpoint, or with null enables it. */
export async function writeDisabled(
  sql: TransactionSql,
  accountId: string,
  id: string,
  disabledAt: Date | null,
): Promise<void> {
  await sql`
    update webhook_endpoint set disabled_at = ${disabledAt}
    where account_id = ${accountId} and id = ${id}`;
}

/** Takes from an endpoint all that makes it one; what is left is its log. */
export async function clearEndpoint(
  sql: TransactionSql,
  accountId: string,
  id: string,
  now: Date,
): Promise<void> {
  await sql`
    update webhook_endpoint set url = '', secret = '', previous_secret = null, previous_secret_until = null, events = '{}',
      disabled_at = coalesce(disabled_at, ${now})
    where account_id = ${accountId} and id = ${id}`;
}

/** Removes deleted endpoints of any account whose log is gone; returns how many. Across accounts by design. */
export async function deleteClearedEndpoints(sql: Sql): Promise<number> {
  const deleted = await sql.unsafe(
    `delete from webhook_endpoint where not (${IS_NOT_DELETED}) and not exists (
       select 1 from webhook_delivery
       where webhook_delivery.account_id = webhook_endpoint.account_id and endpoint_id = webhook_endpoint.id
     )`,
  );
  return deleted.count;
}
