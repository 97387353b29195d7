import type { TransactionSql } from 'postgres';

/** A contact as the transaction that locked it sees it. */
export type StoredContact = {
  id: string;
  channelId: string;
  latestConversationId: string | null;
  clientVersion: string | null;
  /** The language of its client, as BCP 47 has it. */
  locale: string | null;
  /** What it last said about being written to, and when (SF-11); null: nothing. */
  consent: 'OPTED_IN' | 'OPTED_OUT' | null;
  consentAt: Date | null;
  /** Its address is no longer its own: whoever writes from there is somebody new (PE-15). */
  isErased: boolean;
  /** When somebody of the same address was erased before: what was sent before that is dropped (PE-15). */
  erasedBefore: Date | null;
};

/** Where a contact is to be found. */
export type ContactAddress = { channelId: string; address: string };

/** One string for an address of a channel. */
export function addressKey({ channelId, address }: ContactAddress): string {
  return `${channelId} ${address}`;
}

/** Inserts contacts, in the order of their addresses so that two writers never wait for each other in a circle. */
export async function insertContacts(
  sql: TransactionSql,
  accountId: string,
  contacts: readonly (ContactAddress & { id: string })[],
) {
  const sorted = [...contacts].sort((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1));
  await sql.unsafe(
    `insert into contact (account_id, id, channel_id, address)
     select $1::uuid, id, channel_id, address from unnest($2::uuid[], $3::uuid[], $4::text[]) as rows (id, channel_id, address)
     on conflict (account_id, channel_id, address) do nothing`,
    [
      accountId,
      sorted.map((each) => each.id),
      sorted.map((each) => each.channelId),
      sorted.map((each) => each.address),
    ],
    { prepare: true },
  );
}

/** Takes back contacts that the transaction inserted and that came to nothing. */
export async function deleteContacts(sql: TransactionSql, accountId: string, ids: readonly string[]) {
  await sql.unsafe(
    'delete from contact where account_id = $1 and id = any($2::uuid[])',
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Locks contacts by id, in the order of ids. */
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

/** Writes what may change of locked contacts. */
export async function updateContacts(
  sql: TransactionSql,
  accountId: string,
  contacts: readonly StoredContact[],
) {
  await sql.unsafe(
    `update contact set latest_conversation_id = rows.latest, client_version = rows.version, locale = rows.locale,
       consent = rows.consent, consent_at = rows.consent_at::timestamptz, erased_before = rows.erased_before::timestamptz
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       as rows (id, latest, version, locale, consent, consent_at, erased_before)
     where contact.account_id = $1 and contact.id = rows.id`,
    [
      accountId,
      contacts.map((each) => each.id),
      contacts.map((each) => each.latestConversationId),
      contacts.map((each) => each.clientVersion),
      contacts.map((each) => each.locale),
      contacts.map((each) => each.consent),
      contacts.map((each) => each.consentAt?.toISOString() ?? null),
      contacts.map((each) => each.erasedBefore?.toISOString() ?? null),
    ],
    { prepare: true },
  );
}
