import type { TransactionSql } from 'postgres';
import { type Call, once } from '../../db/idempotency.ts';
import { insertOutbox } from '../../db/rows/outbox.ts';
import { lockEndpoint } from '../../db/rows/webhook-endpoints.ts';
import { inTransaction } from '../../db/transaction.ts';
import { InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import type { Causing, EngineDeps } from '../../engine.ts';
import { oweAgain, readDeliveries } from './delivery-log.ts';

/** The event by which an endpoint is tried out. It is about no conversation, and nobody can subscribe to it. */
export const TEST_EVENT = 'test';

/** A webhook that is owed: its event's id, which every attempt has, and to which endpoint. */
export type Owed = { eventId: string; endpointId: string };

type OwingDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'identifierHash'>;

/**
 * Owes an endpoint a test event. It is tried once, at once, held back or not; its log has what came of it.
 * @throws NotFoundError naming `endpointId`; InvalidInputError where it is disabled; ConflictError
 */
export async function sendTest(
  deps: OwingDeps,
  accountId: string,
  endpointId: string,
  call: Call,
): Promise<Causing<Owed>> {
  return await owe(deps, accountId, call, async (sql) => {
    const endpoint = await lockEndpoint(sql, accountId, endpointId);
    if (endpoint === null) throw new NotFoundError('endpointId', 'endpoint');
    if (endpoint.disabledAt !== null) throw disabled('endpointId');
    const [channel] = await sql`select id from channel where account_id = ${accountId} order by id limit 1`;
    const id = deps.newId();
    const now = deps.clock.now();
    // Effects stand under a conversation and its channel; of a test there is none of either.
    const channelId = endpoint.channelId ?? (channel?.id as string | undefined) ?? id;
    const place = { conversationId: id, revision: 0, channelId };
    const payload = { kind: 'WEBHOOK', endpointId, type: TEST_EVENT, at: now.toISOString() } as const;
    const owed = { ...place, id, payload, byHand: true } as const;
    await insertOutbox(sql, accountId, [owed], now);
    return { eventId: id, endpointId };
  });
}

/**
 * Owes an endpoint the event of an attempt once more, whatever came of it: under the same id, from the start, the first
 * time at once even where the endpoint is held back.
 * @throws NotFoundError naming `deliveryId`; InvalidInputError where the endpoint is disabled; ConflictError
 */
export async function redeliver(
  deps: OwingDeps,
  accountId: string,
  deliveryId: string,
  call: Call,
): Promise<Causing<Owed>> {
  return await owe(deps, accountId, call, async (sql) => {
    const [delivery] = await readDeliveries(sql, accountId, [deliveryId]);
    const endpoint = delivery && (await lockEndpoint(sql, accountId, delivery.endpointId));
    if (!endpoint) throw new NotFoundError('deliveryId', 'delivery');
    if (endpoint.disabledAt !== null) throw disabled('deliveryId');
    if (!(await oweAgain(sql, accountId, delivery, deps.clock.now())))
      throw new NotFoundError('deliveryId', 'delivery whose event is still kept');
    return { eventId: delivery.eventId, endpointId: endpoint.id };
  });
}

/** Adds an effect to the outbox once for the call's idempotency key. */
async function owe(
  deps: OwingDeps,
  accountId: string,
  call: Call,
  act: (sql: TransactionSql) => Promise<Owed>,
): Promise<Causing<Owed>> {
  const owed = await once<Owed>(deps, accountId, call, (keeping) =>
    inTransaction(deps.db.sql, async (sql) => await keeping(sql, () => act(sql))),
  );
  return { result: owed, caused: { owes: true } };
}

function disabled(field: string): InvalidInputError {
  return new InvalidInputError(field, 'that of an endpoint that is not disabled is allowed');
}
