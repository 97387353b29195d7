import type { TransactionSql } from 'postgres';
import { contact } from '../tables/conversation.ts';
import { assignmentsOf, columnsExcept, columnsOf, namesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

/** A contact, as its transaction has locked it. */
export type StoredContact = {
  id: string;
  channelId: string;
  latestConversationId: string | null;
  clientVersion: string | null;
  /** The language of its client, as a BCP 47 tag. */
  locale: string | null;
  /** Its newest consent, and when it was given (SF-11); null: none was ever given. */
  consent: 'OPTED_IN' | 'OPTED_OUT' | null;
  consentAt: Date | null;
  /** An erased contact has no address: a message from its former address starts a new contact (PE-15). */
  isErased: boolean;
  /** When an earlier contact of this address was erased: messages sent before that are dropped (PE-15). */
  erasedBefore: Date | null;
};

export type ContactAddress = { channelId: string; address: string };

/** A key for maps: one string for an address of a channel. */
export function addressKey({ channelId, address }: ContactAddress): string {
  return `${channelId} ${address}`;
}

const NEW = columnsOf<ContactAddress & { id: string }>(contact, {
  id: (row) => row.id,
  channelId: (row) => row.channelId,
  address: (row) => row.address,
});
const CHANGING_BY_ID = columnsExcept(contact, ['accountId', 'channelId', 'address', 'erasedAt']);
const CHANGING = CHANGING_BY_ID.filter(({ name }) => name !== 'id');

const INSERT = `insert into contact (account_id, ${namesOf(NEW)})
  select $1::uuid, rows.* from (${unnest(NEW, 2)}) as rows on conflict (account_id, channel_id, address) do nothing`;

const UPDATE = `update contact set ${assignmentsOf(CHANGING)}
  from (${unnest(CHANGING_BY_ID, 2)}) as rows where contact.account_id = $1::uuid and contact.id = rows.id`;

/** Inserts contacts, ordered by address so that two writers never deadlock. */
export async function insertContacts(
  sql: TransactionSql,
  accountId: string,
  contacts: readonly (ContactAddress & { id: string })[],
) {
  const sorted = [...contacts].sort((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1));
  await sql.unsafe(INSERT, [accountId, ...valuesOf(NEW, sorted)], { prepare: true });
}

/** Deletes contacts that the same transaction inserted and does not need. */
export async function deleteContacts(sql: TransactionSql, accountId: string, ids: readonly string[]) {
  await sql.unsafe(
    'delete from contact where account_id = $1 and id = any($2::uuid[])',
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Locks contacts, ordered by id. */
export async function lockContacts(
  sql: TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<StoredContact[]> {
  const rows = await sql.unsafe(
    `select id, channel_id as "channelId", latest_conversation_id as "latestConversationId", client_version as "clientVersion", locale, consent, consent_at as "consentAt", erased_at is not null as "isErased", erased_before as "erasedBefore"
     from contact where account_id = $1 and id = any($2::uuid[]) order by id for no key update`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows as unknown as StoredContact[];
}

/** Writes every column that can change, of contacts that the transaction holds locked. */
export async function updateContacts(
  sql: TransactionSql,
  accountId: string,
  contacts: readonly StoredContact[],
) {
  await sql.unsafe(UPDATE, [accountId, ...valuesOf(CHANGING_BY_ID, contacts)], { prepare: true });
}
