import type { Sql, TransactionSql } from 'postgres';
import type { StoredContact } from '../db/rows/contacts.ts';

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

/** The identifying fields of a contact, and its consent. */
export type Identity = Pick<StoredContact, 'channelId' | 'consent' | 'consentAt'> & {
  address: string | null;
};

/** Locks a contact; null for an unknown one. */
export async function lockContact(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
): Promise<Identity | null> {
  const [row] = await sql<Identity[]>`
    select channel_id as "channelId", address, consent, consent_at as "consentAt" from contact
    where account_id = ${accountId} and id = ${contactId} for no key update`;
  return row ?? null;
}

/** A contact's conversations from the newest to the oldest, each found by its key. */
const own = (sql: TransactionSql, accountId: string, contactId: string) => sql`
  with recursive own (id, previous_id) as (
    select conversation.id, conversation.previous_id from contact
    join conversation on conversation.account_id = contact.account_id and conversation.id = contact.latest_conversation_id
    where contact.account_id = ${accountId} and contact.id = ${contactId}
    union
    select conversation.id, conversation.previous_id from own
    join conversation on conversation.account_id = ${accountId} and conversation.id = own.previous_id
  )`;

/** The message ids of a contact: of its messages and of those that receipts name. */
export async function messageIdsOf(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    ${own(sql, accountId, contactId)}
    select distinct ids.id from event
    cross join lateral (values (event.message_id), (event.data ->> 'of')) as ids (id)
    where event.account_id = ${accountId} and event.conversation_id in (select id from own) and ids.id is not null`;
  return rows.map(({ id }) => id);
}

/** Whether a message to the contact is being sent. */
export async function isSomethingUnderWay(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
): Promise<boolean> {
  const rows = await sql`
    ${own(sql, accountId, contactId)}
    select from outbox
    where account_id = ${accountId} and conversation_id in (select id from own) and begun_at is not null limit 1`;
  return rows.length > 0;
}

/**
 * Removes everything that identifies a contact (PE-15): its address, language and client version; from its feeds
 * the message ids, which may contain the address, client versions and languages; and providers' answers, which may
 * name the address.
 */
export async function eraseIdentity(
  sql: TransactionSql,
  accountId: string,
  contactId: string,
  now: Date,
): Promise<void> {
  await sql`
    update contact set address = null, client_version = null, locale = null, erased_before = null,
      erased_at = coalesce(erased_at, ${now})
    where account_id = ${accountId} and id = ${contactId}`;
  await sql`
    ${own(sql, accountId, contactId)}
    update event set message_id = null, data = nullif(data - '{of,clientVersion,locale}'::text[]
      - (case when data ->> 'outcome' in ('REFUSED', 'UNCONFIRMED') then '{reason}' else '{}' end)::text[], '{}')
    where account_id = ${accountId} and conversation_id in (select id from own)
      and (message_id is not null or data ?| '{of,clientVersion,locale,reason}'::text[])`;
  await sql`
    ${own(sql, accountId, contactId)}
    update outbox set error = null
    where account_id = ${accountId} and conversation_id in (select id from own) and error is not null`;
}
