import type { Sql } from 'postgres';
import { SetupError } from '../domain/errors.ts';
import { inTransaction } from './transaction.ts';

/** Stores the hash of the built-in rules. If it has changed since the last start, the reconciler reschedules every lane. */
export async function rescheduleOnNewRules(sql: Sql, hash: string): Promise<void> {
  await inTransaction(sql, async (tx) => {
    const [changed] = await tx`
      insert into service_state (key, value) values ('rules-hash', ${tx.json(hash)})
      on conflict (key) do update set value = excluded.value where service_state.value <> excluded.value returning key`;
    if (changed) await tx`update account set scheduled_version = 0`;
  });
}

/** Checks that this key encrypts the database's secrets; the first key is stored. @throws SetupError if it is another */
export async function claimVault(sql: Sql, fingerprint: string): Promise<void> {
  await sql`
    insert into service_state (key, value) values ('vault', ${sql.json(fingerprint)}) on conflict (key) do nothing`;
  const [row] = await sql`select value from service_state where key = 'vault'`;
  if (row?.value !== fingerprint)
    throw new SetupError(
      'the secrets in this database are under another key: set LULL_SECRET_KEY to the one they were made with',
    );
}
