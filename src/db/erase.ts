import type { Sql, TransactionSql } from 'postgres';

/** A contact's open conversation. */
export async function openConversationOf(
  sql: Sql | TransactionSql,
  accountId: string,
  contactId: string,
): Promise<string | null> {
  const [row] = await sql<{ id: string }[]>`
    select id from conversation where account_id = ${accountId} and contact_id = ${contactId} and status <> 'ENDED'`;
  return row?.id ?? null;
}

/** Locks a contact; false where the account has no such contact. */
export async function lockContact(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
): Promise<boolean> {
  const [row] = await sql`
    select 1 from contact where account_id = ${accountId} and id = ${contactId} for no key update`;
  return row !== undefined;
}

/**
 * Removes what identifies a contact (PE-15): its address, language and client version; from the feeds of its
 * conversations the message ids, which may be made of the address, and the client versions and languages. Its conversations are
 * found from the newest to the one before, and so on: each by its key.
 */
export async function eraseIdentity(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
  now: Date,
): Promise<void> {
  await sql`
    update contact set address = null, client_version = null, locale = null, erased_at = coalesce(erased_at, ${now})
    where account_id = ${accountId} and id = ${contactId}`;
  await sql`
    with recursive own (id, previous_id) as (
      select conversation.id, conversation.previous_id from contact
      join conversation on conversation.account_id = contact.account_id and conversation.id = contact.latest_conversation_id
      where contact.account_id = ${accountId} and contact.id = ${contactId}
      union
      select conversation.id, conversation.previous_id from own
      join conversation on conversation.account_id = ${accountId} and conversation.id = own.previous_id
    )
    update event set message_id = null, data = nullif(data - '{of,clientVersion,locale}'::text[], '{}')
    where account_id = ${accountId} and conversation_id in (select id from own)
      and (message_id is not null or data ?| '{of,clientVersion,locale}'::text[])`;
}
