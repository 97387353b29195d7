import type { TransactionSql } from 'postgres';
import { lockHeartbeat, writeHeartbeat } from '../db/rows/heartbeat.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EngineDeps } from '../engine.ts';
import { hasDowntime, insertDowntime, lockAllAccounts } from './outage-rows.ts';

/** A gap in the heartbeat up to this long is a restart like any other, and no downtime. */
const GAP_MS = 60_000;
/** For so long after the service is back nothing falls due that did not before: what piled up meanwhile has to arrive first. */
const GRACE_MS = 2 * 60_000;

/** A downtime of the service, as it was recorded: of every channel of so many accounts. */
export type Downtime = { since: Date; until: Date; accounts: number };

/**
 * At a start, before anything is woken: makes an outage of the time since the last heartbeat, for every account
 * there is, so that a restart never mass-closes (LL-7). It lasts until 2 minutes after this very moment, which is
 * the last thing a start does before it opens its queue and is ready. The heartbeat is then that of now, so that
 * whoever starts next does not record it again. Only one process may be at it at a time. Null: there was no
 * downtime, or no heartbeat yet, or it was no longer ago than a minute; that leaves the heartbeat as it was, so
 * that starts which fail again and again add up to one.
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

/** Another process has recorded the same step where its downtime began no later after this one saw it. */
const SAME_STEP_MS = 15_000;

/**
 * Before the time is put ahead of what has passed: makes an outage of what lies between, for every account there is, so
 * that nothing ends for time that did not pass. `since`: by the time as it was. Null: another process has recorded it.
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

/** As many accounts as there are have to be written; and whoever holds one of them has to be waited for. */
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
