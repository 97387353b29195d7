import type { Sql } from 'postgres';
import { firstDue } from './rows/outbox-claims.ts';
import { inTransaction } from './transaction.ts';

/** The work that is due in the database, for all accounts together. */
export type DatabaseGauges = {
  lanes: number;
  /** Lanes whose `wake_at` has passed. */
  lanesDue: number;
  /** Lanes whose `wake_at` passed at least 5 s ago. */
  lanesOverdue: number;
  /** For how long the most overdue lane has waited; 0 if none is due. */
  lanesBehindMs: number;
  outboxPending: number;
  /** The age of the oldest pending effect; 0 if there is none. */
  outboxOldestMs: number;
  /** For how long the effect longest due has waited, except behind an open circuit breaker; 0 if none is due. */
  outboxBehindMs: number;
  /** Circuit breakers that are open or half open. */
  circuitsOpen: { channel: number; endpoint: number };
  outboxDead: number;
  outboxUnconfirmed: number;
  connections: Record<ConnectionState, number>;
};

/** The states of a connection, as `pg_stat_activity` has them. */
const CONNECTION_STATES = ['active', 'idle', 'idle in transaction', 'other'] as const;
type ConnectionState = (typeof CONNECTION_STATES)[number];

/** The most effects that are counted; an exact number beyond it would not help anyone. */
const MOST_COUNTED = 100_000;
/** The reconciler wakes lanes that are overdue by as long. */
const OVERDUE_MS = 5_000;

/**
 * Reads the gauges, across accounts, from the lanes and the partial indexes of the outbox; each statement may take 1 s.
 * Counting due conversations would take a probe of every lane and timer, so lanes are counted instead.
 */
export async function readGauges(sql: Sql, now: Date): Promise<DatabaseGauges> {
  const overdue = new Date(now.getTime() - OVERDUE_MS);
  const read = await inTransaction(
    sql,
    async (tx) => {
      await tx`set local statement_timeout = 1000`;
      const [lanes] = await tx`
      select count(*) as lanes, count(*) filter (where wake_at <= ${now}) as due,
        count(*) filter (where wake_at <= ${overdue}) as overdue, min(wake_at) as first from lane`;
      const [outbox] = await tx`
       select count(*) as pending, min(created_at) as oldest from (
         select created_at from outbox where state = 'PENDING' limit ${MOST_COUNTED}
       ) as counted`;
      const first = await firstDue(tx);
      const circuits = await tx<{ kind: string; count: string }[]>`
       select kind, count(*) as count from circuit_breaker where retry_at is not null group by kind`;
      const [lost] = await tx`
      select count(*) filter (where state = 'DEAD') as dead, count(*) filter (where state = 'UNCONFIRMED') as unconfirmed from (
        select state from outbox where state in ('DEAD', 'UNCONFIRMED') limit ${MOST_COUNTED}
      ) as counted`;
      const connections = await tx<{ state: string | null; count: string }[]>`
      select state, count(*) as count from pg_stat_activity
      where datname = current_database() and application_name = 'lull' group by state`;
      return { lanes, outbox, first, circuits, lost, connections };
    },
    'read only',
  );
  return {
    lanes: Number(read.lanes?.lanes),
    lanesDue: Number(read.lanes?.due),
    lanesOverdue: Number(read.lanes?.overdue),
    lanesBehindMs: sinceMs(read.lanes?.first, now),
    outboxPending: Number(read.outbox?.pending),
    outboxOldestMs: sinceMs(read.outbox?.oldest, now),
    outboxBehindMs: sinceMs(read.first, now),
    circuitsOpen: {
      channel: Number(read.circuits.find(({ kind }) => kind === 'CHANNEL')?.count ?? 0),
      endpoint: Number(read.circuits.find(({ kind }) => kind === 'ENDPOINT')?.count ?? 0),
    },
    outboxDead: Number(read.lost?.dead),
    outboxUnconfirmed: Number(read.lost?.unconfirmed),
    connections: byState(read.connections),
  };
}

function sinceMs(instant: Date | null, now: Date): number {
  return instant === null ? 0 : Math.max(0, now.getTime() - instant.getTime());
}

function byState(rows: readonly { state: string | null; count: string }[]): DatabaseGauges['connections'] {
  const counts = { active: 0, idle: 0, 'idle in transaction': 0, other: 0 };
  for (const { state, count } of rows)
    counts[CONNECTION_STATES.find((known) => known === state) ?? 'other'] += Number(count);
  return counts;
}
