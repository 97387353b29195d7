import { type Alarm, scheduleAllLanes } from '../db/rows/lanes.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Causing, EngineDeps } from '../engine.ts';

/**
 * Puts an account's newest rules into force in every lane, by scheduling each lane to be woken now. It is the only step after a
 * change of rules whose cost grows with the number of lanes. It runs once for each rules version; a concurrent run is skipped.
 */
export async function scheduleAccountWakes(
  { db, clock }: Pick<EngineDeps, 'db' | 'clock'>,
  accountId: string,
): Promise<Causing<Alarm[]>> {
  const alarms = await inTransaction(db.sql, async (sql) => {
    const [account] = await sql`
      select rules_version from account
      where account_id = ${accountId} and scheduled_version <> rules_version for no key update skip locked`;
    if (!account) return [];
    const scheduled = await scheduleAllLanes(sql, accountId, clock.now());
    await sql`update account set scheduled_version = ${account.rules_version} where account_id = ${accountId}`;
    return scheduled;
  });
  return { result: alarms, caused: { alarms } };
}
