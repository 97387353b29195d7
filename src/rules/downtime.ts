import type { TransactionSql } from 'postgres';
import { lockHeartbeat, writeHeartbeat } from '../db/rows/heartbeat.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EngineDeps } from '../engine.ts';
import { hasDowntime, insertDowntime, lockAllAccounts } from './outage-rows.ts';

/** A shorter gap in the heartbeat is a restart, not a downtime. */
const GAP_MS = 60_000;
/** An outage lasts this long after the service is back, so that delayed messages can arrive first. */
const GRACE_MS = 2 * 60_000;

/** A recorded downtime of the service: an outage of every channel of so many accounts. */
export type Downtime = { since: Date; until: Date; accounts: number };

/**
 * Records an outage of every account since the last heartbeat, before any lane is woken, so that a restart never
 * closes a backlog (LL-7). It lasts until 2 minutes from now. This is the last step of a start before the queue
 * opens. It also writes a heartbeat, so that the next process does not record the outage again. Only one process
 * may run it at a time. Returns null, and keeps the heartbeat, if there is none or it is at most a minute old, so
 * that repeated failing starts add up to one gap.
 */
export async function recordDowntime({
  db,
  clock,
  newId,
}: Pick<EngineDeps, 'db' | 'clock' | 'newId'>): Promise<Downtime | null> {
  return await inTransaction(db.sql, async (sql) => {
    await waitAsLongAsItTakes(sql);
    const since = await lockHeartbeat(sql);
    if (since === null || clock.now().getTime() - since.getTime() <= GAP_MS) return null;
    return await record(sql, { since, newId, why: 'the service was down' }, () => clock.now());
  });
}

/** Another process has recorded the same step if its downtime began no later than this one saw the step. */
const SAME_STEP_MS = 15_000;

/**
 * Records the skipped time as an outage of every account before the time is put ahead, so that nothing ends for
 * time that did not pass. `since` is the former time. Returns null if another process has recorded it.
 */
export async function recordStep(
  { db, newId }: Pick<EngineDeps, 'db' | 'newId'>,
  since: Date,
  now: Date,
): Promise<Downtime | null> {
  return await inTransaction(db.sql, async (sql) => {
    await waitAsLongAsItTakes(sql);
    const beat = await lockHeartbeat(sql);
    if (await hasDowntime(sql, new Date(since.getTime() + SAME_STEP_MS), now)) return null;
    const from = beat !== null && beat < since ? beat : since;
    return await record(sql, { since: from, newId, why: 'the clock was put ahead' }, () => now);
  });
}

/** The time limit of the transaction, which writes every account and waits for locks on each. */
async function waitAsLongAsItTakes(sql: TransactionSql): Promise<void> {
  await sql`set local statement_timeout = 0`;
  await sql`set local lock_timeout = 0`;
}

async function record(
  sql: TransactionSql,
  { since, newId, why }: { since: Date; newId: () => string; why: string },
  time: () => Date,
): Promise<Downtime> {
  const accountIds = await lockAllAccounts(sql);
  const now = time();
  const until = new Date(now.getTime() + GRACE_MS);
  const accounts = accountIds.map((accountId) => ({ accountId, outageId: newId() }));
  await insertDowntime(sql, accounts, { since, until, now, why });
  await writeHeartbeat(sql, now);
  return { since, until, accounts: accounts.length };
}
