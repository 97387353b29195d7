import type { Sql } from 'postgres';
import { vi } from 'vitest';
import { endOfFeed } from '../../src/insight/feed.ts';

/** Until the feed holds back nothing written before: a transaction of any database of the server may be under way. */
export async function feedCaughtUp(sql: Sql): Promise<void> {
  const [mine] = await sql`select pg_current_xact_id()::text as xid`;
  const isPast = async () => BigInt((await endOfFeed(sql)).xid) > BigInt(mine?.xid);
  await vi.waitUntil(isPast, { timeout: 60_000 });
}
