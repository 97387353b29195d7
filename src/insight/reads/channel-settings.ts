import type { Sql } from 'postgres';

type ChannelSettingsRow = { id: string; adapterId: string; settings: object };

/** Returns the stored settings of channels by id, unordered. */
export async function readChannelSettings(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<ChannelSettingsRow[]> {
  return await sql.unsafe<ChannelSettingsRow[]>(
    `select id, adapter as "adapterId", settings from channel where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}
