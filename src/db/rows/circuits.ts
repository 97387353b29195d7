import type { Sql, TransactionSql } from 'postgres';
import type { Destination } from './outbox-claims.ts';

/** The kind of a circuit breaker's destination. */
export type CircuitKind = 'CHANNEL' | 'ENDPOINT';

/** The circuit breaker of a destination. */
export type Circuit = {
  /** The destination's id. */
  id: string;
  /** Attempts that failed in a row. */
  failures: number;
  /** Why the last one failed. */
  why: string;
  /** When it opened; null: it is closed. */
  openedAt: Date | null;
  /** When the next probe may be sent; null: it is closed. */
  retryAt: Date | null;
};

/** The circuit breakers of destinations, in no order. A destination that answered the last attempt has none. */
export async function readCircuits(
  sql: Sql | TransactionSql,
  accountId: string,
  destinationIds: readonly string[],
): Promise<Circuit[]> {
  return await sql<Circuit[]>`
    select destination_id as id, failures, why, opened_at as "openedAt", retry_at as "retryAt"
    from circuit_breaker where account_id = ${accountId} and destination_id = any(${destinationIds as string[]}::uuid[])`;
}

/**
 * Takes the probe of a destination: all others wait until `until`, also if this one never ends. False if another process
 * has taken it.
 */
export async function takeProbe(
  sql: Sql,
  { accountId, destinationId }: Destination,
  { now, until }: { now: Date; until: Date },
): Promise<boolean> {
  const { count } = await sql`
    update circuit_breaker set retry_at = ${until}
    where account_id = ${accountId} and destination_id = ${destinationId} and retry_at <= ${now}`;
  return count === 1;
}

/** Closes a circuit breaker, after an attempt succeeded or by hand. */
export async function closeCircuit(
  sql: Sql | TransactionSql,
  { accountId, destinationId }: Destination,
): Promise<void> {
  await sql`delete from circuit_breaker where account_id = ${accountId} and destination_id = ${destinationId}`;
}

/** After how many failures a circuit breaker opens, and for how long; each further failure doubles the time. */
export type Threshold = { afterFailures: number; firstMs: number; longestMs: number };

/**
 * Counts a failed attempt, and opens the circuit breaker after too many in a row. Attempts that were under way when it
 * opened do not count. `probeUntil` is the `until` that the failed attempt set itself, if it was the probe.
 */
export async function noteFailure(
  sql: Sql,
  { accountId, destinationId, kind, why }: Destination & { kind: CircuitKind; why: string },
  { afterFailures, firstMs, longestMs }: Threshold,
  { now, probeUntil }: { now: Date; probeUntil: Date | null },
): Promise<void> {
  await sql`
    insert into circuit_breaker (account_id, destination_id, kind, failures, why)
    values (${accountId}, ${destinationId}, ${kind}, 1, ${why})
    on conflict (account_id, destination_id) do update set failures = circuit_breaker.failures + 1, why = excluded.why,
      opened_at = case when circuit_breaker.failures + 1 >= ${afterFailures} then coalesce(circuit_breaker.opened_at, ${now}) end,
      retry_at = case when circuit_breaker.failures + 1 >= ${afterFailures} then ${now}::timestamptz + interval '1 millisecond'
        * least(${longestMs}::float8, ${firstMs}::float8 * 2 ^ least(circuit_breaker.failures + 1 - ${afterFailures}, 30)) end
    where circuit_breaker.retry_at is null or circuit_breaker.retry_at <= ${now} or circuit_breaker.retry_at = ${probeUntil}`;
}

/** Opens a circuit breaker until an instant because the destination asked for a pause, which is no failure. */
export async function pauseUntil(
  sql: Sql,
  { accountId, destinationId, kind, why }: Destination & { kind: CircuitKind; why: string },
  { now, until }: { now: Date; until: Date },
): Promise<void> {
  await sql`
    insert into circuit_breaker (account_id, destination_id, kind, failures, why, opened_at, retry_at)
    values (${accountId}, ${destinationId}, ${kind}, 0, ${why}, ${now}, ${until})
    on conflict (account_id, destination_id) do update set why = excluded.why, opened_at = coalesce(circuit_breaker.opened_at, ${now}),
      retry_at = greatest(circuit_breaker.retry_at, ${until})`;
}
