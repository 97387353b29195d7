import type { Sql } from 'postgres';
import type { Consent } from '../../domain/closing/closing.ts';

export type ContactRow = {
  id: string;
  channelId: string;
  address: string | null;
  clientVersion: string | null;
  locale: string | null;
  consent: Consent;
};

/** Returns contacts by id, unordered. */
export async function readContacts(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<ContactRow[]> {
  const rows = await sql.unsafe(
    `select id, channel_id as "channelId", address, client_version as "clientVersion", locale,
       coalesce(consent, 'UNKNOWN') as consent
     from contact where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows as unknown as ContactRow[];
}
