import { type Call, onceInTransaction } from '../db/idempotency.ts';
import { closeCircuit } from '../db/rows/circuits.ts';
import { NotFoundError } from '../domain/errors.ts';
import type { Causing, EngineDeps } from '../engine.ts';

/**
 * Closes the circuit breaker of a channel: effects that wait for it are sent at once. This changes no rules.
 * @throws NotFoundError naming `channelId`; ConflictError
 */
export async function resetChannelCircuit(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'identifierHash'>,
  accountId: string,
  channelId: string,
  call: Call,
): Promise<Causing<{ id: string }>> {
  const result = await onceInTransaction(deps, accountId, call, async (sql) => {
    const [row] = await sql`select 1 from channel where account_id = ${accountId} and id = ${channelId}`;
    if (!row) throw new NotFoundError('channelId', 'channel');
    await closeCircuit(sql, { accountId, destinationId: channelId });
    return { id: channelId };
  });
  return { result, caused: { owes: true } };
}
