import type { StoredConversation } from '../../db/rows/conversations.ts';
import { readConversations } from '../../db/rows/conversations-by-id.ts';
import { batchedById } from '../core/batch.ts';
import type { SchemaDeps } from '../core/context.ts';

/** Reads a changed conversation of an account; null if it no longer exists. */
export type ChangedReader = (accountId: string, id: string) => Promise<StoredConversation | null>;

/** Loaders that are kept, one for each account; beyond that all are dropped and made again. */
const MAX_ACCOUNTS = 10_000;

/**
 * Makes the reader that all subscriptions of a process share. All subscribers of an account hear of a change in the same turn
 * of the event loop, so a thousand of them cause one statement.
 */
export function openChangedReader({ db: { sql } }: Pick<SchemaDeps, 'db'>): ChangedReader {
  const readers = new Map<string, (id: string) => Promise<StoredConversation | null>>();
  return (accountId, id) => {
    let read = readers.get(accountId);
    if (read === undefined) {
      if (readers.size >= MAX_ACCOUNTS) readers.clear();
      read = batchedById((ids) => readConversations(sql, accountId, ids));
      readers.set(accountId, read);
    }
    return read(id);
  };
}
