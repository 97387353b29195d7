import type { TransactionSql } from 'postgres';

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

export const ENDPOINT_COLUMNS = `id, url, events, channel_id as "channelId", created_at as "createdAt",
  disabled_at as "disabledAt", previous_secret_until as "previousSecretUntil"`;
/** A deleted endpoint has no secret; its row goes when its log does. */
export const IS_NOT_DELETED = `secret <> ''`;

/** Locks an endpoint until the transaction ends, and returns it; null: the account has no such endpoint. */
export async function lockEndpoint(
  sql: TransactionSql,
  accountId: string,
  id: string,
): Promise<EndpointRow | null> {
  const [row] = await sql.unsafe<EndpointRow[]>(
    `select ${ENDPOINT_COLUMNS} from webhook_endpoint where account_id = $1 and id = $2 and ${IS_NOT_DELETED} for no key update`,
    [accountId, id],
    { prepare: true },
  );
  return row ?? null;
}
