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

const SELECT = `select id, channel_id as "channelId", address, client_version as "clientVersion", locale,
  coalesce(consent, 'UNKNOWN') as consent from contact`;

/** Returns the contact with an address on a channel; null if there is none. */
export async function readContactAt(
  sql: Sql,
  accountId: string,
  { channelId, address }: { channelId: string; address: string },
): Promise<ContactRow | null> {
  const [row] = await sql.unsafe(
    `${SELECT} where account_id = $1 and channel_id = $2 and address = $3`,
    [accountId, channelId, address],
    { prepare: true },
  );
  return (row as ContactRow | undefined) ?? null;
}

/** Returns contacts by id, unordered. */
export async function readContacts(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<ContactRow[]> {
  const rows = await sql.unsafe(
    `${SELECT} where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows as unknown as ContactRow[];
}
