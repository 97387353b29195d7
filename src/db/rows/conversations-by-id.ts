import type { Sql } from 'postgres';
import { withinBounds } from './bounded.ts';
import {
  boundedConversations,
  CONVERSATION_COLUMNS,
  conversationOf,
  type StoredConversation,
} from './conversations.ts';

/** Returns conversations by id, unordered. */
export async function readConversations(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<StoredConversation[]> {
  const rows = await sql.unsafe(
    boundedConversations(
      `select ${CONVERSATION_COLUMNS} from conversation where account_id = $1 and id = any($2::uuid[])`,
    ),
    [accountId, ids as string[]],
    { prepare: true },
  );
  return withinBounds(rows).map(conversationOf);
}
