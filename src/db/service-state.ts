import type { Sql } from 'postgres';

/**
 * Remembers the hash of the rules that come with the code. Where it is not the one of the last start, every
 * account's lanes are to be armed anew, which the reconciler then does.
 */
export async function rearmOnNewRules(sql: Sql, hash: string): Promise<void> {
  await sql.begin(async (tx) => {
    const [changed] = await tx`
      insert into service_state (key, value) values ('rules-hash', ${tx.json(hash)})
      on conflict (key) do update set value = excluded.value where service_state.value <> excluded.value returning key`;
    if (changed) await tx`update account set armed_version = 0`;
  });
}
