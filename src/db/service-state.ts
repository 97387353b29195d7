import type { Sql } from 'postgres';
import { SetupError } from '../domain/errors.ts';
import { inTransaction } from './transaction.ts';

/**
 * Remembers the hash of the rules that come with the code. Where it is not the one of the last start, every
 * account's lanes are to be armed anew, which the reconciler then does.
 */
export async function rescheduleOnNewRules(sql: Sql, hash: string): Promise<void> {
  await inTransaction(sql, async (tx) => {
    const [changed] = await tx`
      insert into service_state (key, value) values ('rules-hash', ${tx.json(hash)})
      on conflict (key) do update set value = excluded.value where service_state.value <> excluded.value returning key`;
    if (changed) await tx`update account set scheduled_version = 0`;
  });
}

/**
 * Makes sure that a database's secrets are under the key with this fingerprint; the first one to come is it.
 * @throws SetupError where they are under another
 */
export async function claimVault(sql: Sql, fingerprint: string): Promise<void> {
  await sql`
    insert into service_state (key, value) values ('vault', ${sql.json(fingerprint)}) on conflict (key) do nothing`;
  const [row] = await sql`select value from service_state where key = 'vault'`;
  if (row?.value !== fingerprint)
    throw new SetupError(
      'the secrets in this database are under another key: set LULL_SECRET_KEY to the one they were made with',
    );
}
