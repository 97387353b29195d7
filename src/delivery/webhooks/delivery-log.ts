import type { Sql, TransactionSql } from 'postgres';
import { IS_NOT_DELETED } from '../../db/rows/webhook-endpoints.ts';

/** One attempt to send a webhook. */
export type DeliveryRow = {
  id: string;
  endpointId: string;
  /** The `webhook-id`, which is the same at every attempt. */
  eventId: string;
  type: string;
  at: Date;
  tookMs: number;
  /** The HTTP status; null: no answer. */
  status: number | null;
  /** Why the attempt failed; null: it did not. */
  error: string | null;
};

const COLUMNS =
  'id, endpoint_id as "endpointId", outbox_id as "eventId", type, at, took_ms as "tookMs", status, error';

/** Logs an attempt. */
export async function insertDelivery(sql: Sql, accountId: string, delivery: DeliveryRow): Promise<void> {
  const { id, endpointId, eventId, type, at, tookMs, status, error } = delivery;
  await sql`insert into webhook_delivery ${sql({ account_id: accountId, endpoint_id: endpointId, id, outbox_id: eventId, type, at, took_ms: tookMs, status, error })}`;
}

/** A page of an endpoint's attempts before an id, the newest first. */
export async function readDeliveryPage(
  sql: Sql,
  accountId: string,
  endpointId: string,
  { after: before, limit }: { after: string | null; limit: number },
): Promise<DeliveryRow[]> {
  return await sql.unsafe<DeliveryRow[]>(
    `select ${COLUMNS} from webhook_delivery
     where account_id = $1 and endpoint_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4`,
    [accountId, endpointId, before, limit],
    { prepare: true },
  );
}

/** Attempts by id, in no particular order. The endpoints are named because the key of the log begins with them. */
export async function readDeliveries(
  sql: Sql | TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<DeliveryRow[]> {
  return await sql.unsafe<DeliveryRow[]>(
    `select ${COLUMNS} from webhook_delivery where account_id = $1 and id = any($2::uuid[]) and endpoint_id = any(array(
       select id from webhook_endpoint where account_id = $1 and ${IS_NOT_DELETED}
     ))`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Owes an event to its endpoint again, from the first attempt; false if the event is no longer kept. */
export async function oweAgain(
  sql: TransactionSql,
  accountId: string,
  { eventId, endpointId }: Pick<DeliveryRow, 'eventId' | 'endpointId'>,
  now: Date,
): Promise<boolean> {
  const { count } = await sql`
    update outbox set state = 'PENDING', attempts = 0, due_at = ${now}, done_at = null, error = null, by_hand = true,
      payload = payload || ${sql.json({ redeliveredAt: now.toISOString() })}
    where account_id = ${accountId} and id = ${eventId} and endpoint_id = ${endpointId} and kind = 'SEND_WEBHOOK'`;
  return count === 1;
}

/** Endpoints of all accounts whose oldest attempt is from before an instant. */
export async function endpointsWithOldDeliveries(
  sql: Sql,
  before: Date,
): Promise<{ accountId: string; id: string }[]> {
  return await sql<{ accountId: string; id: string }[]>`
    select account_id as "accountId", id from webhook_endpoint
    where (
      select at from webhook_delivery
      where webhook_delivery.account_id = webhook_endpoint.account_id and endpoint_id = webhook_endpoint.id
      order by webhook_delivery.id limit 1
    ) < ${before}`;
}

/** Deletes an endpoint's attempts from before an instant, and returns their number. Ids are in order of time. */
export async function deleteOldDeliveries(
  sql: Sql,
  { accountId, id: endpointId }: { accountId: string; id: string },
  before: Date,
  limit: number,
): Promise<number> {
  const deleted = await sql`
    delete from webhook_delivery where account_id = ${accountId} and endpoint_id = ${endpointId} and id in (
      select id from (
        select id, at from webhook_delivery where account_id = ${accountId} and endpoint_id = ${endpointId}
        order by id limit ${limit}
      ) as oldest where at < ${before}
    )`;
  return deleted.count;
}
