import { type Call, once } from '../db/idempotency.ts';
import { closeCircuit } from '../db/rows/circuits.ts';
import { inTransaction } from '../db/transaction.ts';
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
  const reset = await once<{ id: string }>(deps, accountId, call, (keeping) =>
    inTransaction(
      deps.db.sql,
      async (sql) =>
        await keeping(sql, async () => {
          const [row] =
            await sql`select 1 from channel where account_id = ${accountId} and id = ${channelId}`;
          if (!row) throw new NotFoundError('channelId', 'channel');
          await closeCircuit(sql, { accountId, destinationId: channelId });
          return { id: channelId };
        }),
    ),
  );
  return { result: reset, caused: { owes: true } };
}
