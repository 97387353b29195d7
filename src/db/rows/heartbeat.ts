import type { Sql, TransactionSql } from 'postgres';

const KEY = 'heartbeat';

/** When a process of the service last reported that its API was up; null before the first report. Of no account. */
export async function readHeartbeat(sql: Sql | TransactionSql): Promise<Date | null> {
  const [row] = await sql<{ value: number }[]>`select value from service_state where key = ${KEY}`;
  return row ? new Date(row.value) : null;
}

/** Reads the heartbeat and locks it until the end of the transaction. */
export async function lockHeartbeat(sql: TransactionSql): Promise<Date | null> {
  await sql`select from service_state where key = ${KEY} for update`;
  return await readHeartbeat(sql);
}

/** Reports that the service's API is up. Of no account. */
export async function writeHeartbeat(sql: Sql | TransactionSql, at: Date): Promise<void> {
  await sql`
    insert into service_state (key, value) values (${KEY}, to_jsonb(${at.getTime()}::bigint))
    on conflict (key) do update set value = excluded.value`;
}

/** Tries a write, for readiness; rejects if the database takes none. Of no account. */
export async function writeProbe(sql: Sql, at: Date): Promise<void> {
  await sql`
    insert into service_state (key, value) values ('probe', to_jsonb(${at.getTime()}::bigint))
    on conflict (key) do update set value = excluded.value`;
}
