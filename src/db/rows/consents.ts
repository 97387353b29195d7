import type { Sql, TransactionSql } from 'postgres';
import { consentChange } from '../tables/conversation.ts';
import { columnsExcept, namesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

/** A consent that a customer gave or withdrew (PE-12). */
export type ConsentChange = {
  id: string;
  consent: 'OPTED_IN' | 'OPTED_OUT';
  /** KEYWORD: Lull read it from the message; PROVIDER: the provider reported it with the message. */
  source: 'KEYWORD' | 'PROVIDER';
  /** When the customer said it. */
  at: Date;
  recordedAt: Date;
  /** The conversation in which the customer said it; null: outside of any. */
  conversationId: string | null;
};
export type NewConsentChange = ConsentChange & { contactId: string };

const COLUMNS = columnsExcept(consentChange, ['accountId', 'agentId']);
const INSERT = `insert into consent_change (account_id, ${namesOf(COLUMNS)})
  select $1::uuid, rows.* from (${unnest(COLUMNS, 2)}) as rows`;

/** Appends to the record of consents. */
export async function insertConsents(
  sql: TransactionSql,
  accountId: string,
  changes: readonly NewConsentChange[],
): Promise<void> {
  await sql.unsafe(INSERT, [accountId, ...valuesOf(COLUMNS, changes)], { prepare: true });
}

/** The consents of a contact, the newest first, at most `limit`. */
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
