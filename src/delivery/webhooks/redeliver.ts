import { type Call, onceInTransaction } from '../../db/idempotency.ts';
import { insertOutbox } from '../../db/rows/outbox.ts';
import { lockEndpoint } from '../../db/rows/webhook-endpoints.ts';
import { InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import type { Causing, EngineDeps } from '../../engine.ts';
import { oweAgain, readDeliveries } from './delivery-log.ts';

/** The event of a test. It has no conversation, and endpoints cannot subscribe to it. */
export const TEST_EVENT = 'test';

/** A webhook that is owed. `eventId` is the same at every attempt. */
export type Owed = { eventId: string; endpointId: string };

type OwingDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'identifierHash'>;

/**
 * Owes an endpoint a test event. It gets one attempt at once, even if the circuit breaker is open; the log has the result.
 * @throws NotFoundError naming `endpointId`; InvalidInputError if it is disabled; ConflictError
 */
export async function sendTest(
  deps: OwingDeps,
  accountId: string,
  endpointId: string,
  call: Call,
): Promise<Causing<Owed>> {
  const result = await onceInTransaction(deps, accountId, call, async (sql) => {
    const endpoint = await lockEndpoint(sql, accountId, endpointId);
    if (endpoint === null) throw new NotFoundError('endpointId', 'endpoint');
    if (endpoint.disabledAt !== null) throw disabled('endpointId');
    const [channel] = await sql`select id from channel where account_id = ${accountId} order by id limit 1`;
    const id = deps.newId();
    const now = deps.clock.now();
    // An effect names a conversation and its channel. A test has neither.
    const channelId = endpoint.channelId ?? (channel?.id as string | undefined) ?? id;
    const place = { conversationId: id, revision: 0, channelId };
    const payload = { kind: 'WEBHOOK', endpointId, type: TEST_EVENT, at: now.toISOString() } as const;
    const owed = { ...place, id, payload, byHand: true } as const;
    await insertOutbox(sql, accountId, [owed], now);
    return { eventId: id, endpointId };
  });
  return { result, caused: { owes: true } };
}

/**
 * Owes the event of an attempt again, under the same id and from the first attempt, which is made at once even if the
 * circuit breaker is open.
 * @throws NotFoundError naming `deliveryId`; InvalidInputError if the endpoint is disabled; ConflictError
 */
export async function redeliver(
  deps: OwingDeps,
  accountId: string,
  deliveryId: string,
  call: Call,
): Promise<Causing<Owed>> {
  const result = await onceInTransaction(deps, accountId, call, async (sql) => {
    const [delivery] = await readDeliveries(sql, accountId, [deliveryId]);
    const endpoint = delivery && (await lockEndpoint(sql, accountId, delivery.endpointId));
    if (!endpoint) throw new NotFoundError('deliveryId', 'delivery');
    if (endpoint.disabledAt !== null) throw disabled('deliveryId');
    if (!(await oweAgain(sql, accountId, delivery, deps.clock.now())))
      throw new NotFoundError('deliveryId', 'delivery whose event is still kept');
    return { eventId: delivery.eventId, endpointId: endpoint.id };
  });
  return { result, caused: { owes: true } };
}

function disabled(field: string): InvalidInputError {
  return new InvalidInputError(
    field,
    'an enabled endpoint is allowed: enable it first, with `enableWebhookEndpoint`',
  );
}
