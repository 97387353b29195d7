import type { Sql, TransactionSql } from 'postgres';

/** Something a customer said about being written to (PE-12). */
export type ConsentChange = {
  id: string;
  consent: 'OPTED_IN' | 'OPTED_OUT';
  /** KEYWORD: read from the message; PROVIDER: whoever reported the message took it for that. */
  source: 'KEYWORD' | 'PROVIDER';
  /** When it was said. */
  at: Date;
  recordedAt: Date;
  /** Where. */
  conversationId: string | null;
};
export type NewConsentChange = ConsentChange & { contactId: string };

/** Adds to the ledger of consents. */
export async function insertConsents(
  sql: TransactionSql,
  accountId: string,
  changes: readonly NewConsentChange[],
): Promise<void> {
  await sql`insert into consent_change ${sql(
    changes.map((each) => ({
      account_id: accountId,
      contact_id: each.contactId,
      id: each.id,
      consent: each.consent,
      source: each.source,
      at: each.at,
      recorded_at: each.recordedAt,
      conversation_id: each.conversationId,
    })),
  )}`;
}

/** What a contact has said about being written to, the newest first, at most `limit`. */
export async function readConsents(
  sql: Sql,
  accountId: string,
  contactId: string,
  limit: number,
): Promise<ConsentChange[]> {
  return await sql<ConsentChange[]>`
    select id, consent, source, at, recorded_at as "recordedAt", conversation_id as "conversationId" from consent_change
    where account_id = ${accountId} and contact_id = ${contactId} order by at desc, id desc limit ${limit}`;
}
