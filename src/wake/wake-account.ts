import { type Alarm, scheduleAllLanes } from '../db/rows/lanes.ts';
import { inTransaction } from '../db/transaction.ts';
import type { EngineDeps } from '../engine.ts';

/**
 * Brings an account's newest rules into force in every lane: each is to be woken now. The one step after a
 * change of rules that costs as much as there are lanes. Done once a version, by whoever comes first.
 */
export async function scheduleAccountWakes(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'scheduleWakes'>,
  accountId: string,
): Promise<Alarm[]> {
  const alarms = await inTransaction(deps.db.sql, async (sql) => {
    const [account] = await sql`
      select rules_version from account
      where account_id = ${accountId} and scheduled_version <> rules_version for no key update skip locked`;
    if (!account) return [];
    const woken = await scheduleAllLanes(sql, accountId, deps.clock.now());
    await sql`update account set scheduled_version = ${account.rules_version} where account_id = ${accountId}`;
    return woken;
  });
  await deps.scheduleWakes(alarms);
  return alarms;
}
