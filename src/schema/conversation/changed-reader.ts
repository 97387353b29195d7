import type { StoredConversation } from '../../db/rows/conversations.ts';
import { readConversations } from '../../insight/reads.ts';
import { batchedById } from '../core/batch.ts';
import type { SchemaDeps } from '../core/context.ts';

/** Reads a conversation of an account that has changed; null where it has gone. */
export type ChangedReader = (accountId: string, id: string) => Promise<StoredConversation | null>;

/** Accounts whose reads are gathered; beyond, all are forgotten, and gathered anew. */
const ACCOUNTS_KEPT = 10_000;

/**
 * Makes what all subscriptions of a process read by. Whoever is told of a change is told at the same time as all
 * others of the account: a thousand who listen to it are one statement.
 */
export function openChangedReader({ db: { sql } }: Pick<SchemaDeps, 'db'>): ChangedReader {
  const readers = new Map<string, (id: string) => Promise<StoredConversation | null>>();
  return (accountId, id) => {
    let read = readers.get(accountId);
    if (read === undefined) {
      if (readers.size >= ACCOUNTS_KEPT) readers.clear();
      read = batchedById((ids) => readConversations(sql, accountId, ids));
      readers.set(accountId, read);
    }
    return read(id);
  };
}
