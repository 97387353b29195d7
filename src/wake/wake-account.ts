import { type Alarm, wakeAllLanes } from '../db/rows/lanes.ts';
import { inTransaction } from '../db/transaction.ts';
import type { LifecycleDeps } from '../engine.ts';

/**
 * Brings an account's newest rules into force in every lane: each is to be woken now. The one step after a
 * change of rules that costs as much as there are lanes. Done once a version, by whoever comes first.
 */
export async function armAccount(
  deps: Pick<LifecycleDeps, 'db' | 'clock' | 'arm'>,
  accountId: string,
): Promise<Alarm[]> {
  const alarms = await inTransaction(deps.db.sql, async (sql) => {
    const [account] = await sql`
      select rules_version from account
      where account_id = ${accountId} and armed_version <> rules_version for no key update skip locked`;
    if (!account) return [];
    const woken = await wakeAllLanes(sql, accountId, deps.clock.now());
    await sql`update account set armed_version = ${account.rules_version} where account_id = ${accountId}`;
    return woken;
  });
  await deps.arm(alarms);
  return alarms;
}
