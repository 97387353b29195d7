import type { Sql, TransactionSql } from 'postgres';

/** A webhook endpoint without its secrets. */
export type EndpointRow = {
  id: string;
  url: string;
  events: string[];
  channelId: string | null;
  createdAt: Date;
  disabledAt: Date | null;
  previousSecretUntil: Date | null;
};

/** The fields of an endpoint that an account sets. */
export type EndpointFields = Pick<EndpointRow, 'url' | 'events' | 'channelId'>;

const COLUMNS = `id, url, events, channel_id as "channelId", created_at as "createdAt", disabled_at as "disabledAt",
  previous_secret_until as "previousSecretUntil"`;
/** A deleted endpoint has no secret. Its row is removed with its log. */
const IS_THERE = `secret <> ''`;

/** All endpoints of an account, the oldest first. */
export async function listEndpoints(sql: Sql, accountId: string): Promise<EndpointRow[]> {
  return await sql.unsafe<EndpointRow[]>(
    `select ${COLUMNS} from webhook_endpoint where account_id = $1 and ${IS_THERE} order by id`,
    [accountId],
    { prepare: true },
  );
}

/** The endpoints of an account with these ids. */
export async function readEndpoints(
  sql: Sql | TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<EndpointRow[]> {
  return await sql.unsafe<EndpointRow[]>(
    `select ${COLUMNS} from webhook_endpoint where account_id = $1 and id = any($2::uuid[]) and ${IS_THERE}`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Reads an endpoint and locks it until the transaction ends; null for an unknown one. */
export async function lockEndpoint(
  sql: TransactionSql,
  accountId: string,
  id: string,
): Promise<EndpointRow | null> {
  const [row] = await sql.unsafe<EndpointRow[]>(
    `select ${COLUMNS} from webhook_endpoint where account_id = $1 and id = $2 and ${IS_THERE} for no key update`,
    [accountId, id],
    { prepare: true },
  );
  return row ?? null;
}

/** The number of an account's endpoints. */
export async function countEndpoints(sql: TransactionSql, accountId: string): Promise<number> {
  const [row] = await sql.unsafe(
    `select count(*)::int from webhook_endpoint where account_id = $1 and ${IS_THERE}`,
    [accountId],
  );
  return row?.count ?? 0;
}

/** Inserts an endpoint. `secret` must be encrypted. */
export async function insertEndpoint(
  sql: TransactionSql,
  accountId: string,
  { id, url, events, channelId, secret }: EndpointFields & { id: string; secret: string },
  now: Date,
): Promise<void> {
  await sql`insert into webhook_endpoint ${sql({ account_id: accountId, id, url, events, channel_id: channelId, secret, created_at: now })}`;
}

/** Updates the fields of an endpoint that an account sets. */
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

/** Replaces an endpoint's secret with an encrypted one. The former one also signs until an instant; null: not any longer. */
export async function writeSecret(
  sql: TransactionSql,
  accountId: string,
  id: string,
  { secret, formerUntil }: { secret: string; formerUntil: Date | null },
): Promise<void> {
  await sql`
    update webhook_endpoint set secret = ${secret}, previous_secret_until = ${formerUntil},
      previous_secret = case when ${formerUntil}::timestamptz is null then null else secret end
    where account_id = ${accountId} and id = ${id}`;
}

/** Disables an endpoint, or enables it with null. */
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

/** Deletes an endpoint's fields and secrets. Its log stays. */
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

/**
 * Removes the deleted endpoints of all accounts whose log is empty, and returns their number. Across accounts by
 * design.
 */
export async function deleteClearedEndpoints(sql: Sql): Promise<number> {
  const deleted = await sql.unsafe(
    `delete from webhook_endpoint where not (${IS_THERE}) and not exists (
       select 1 from webhook_delivery
       where webhook_delivery.account_id = webhook_endpoint.account_id and endpoint_id = webhook_endpoint.id
     )`,
  );
  return deleted.count;
}
