import type { Sql, TransactionSql } from 'postgres';
import { erasedIdentifier } from '../tables/conversation.ts';
import { columnsExcept, namesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

/** What is kept of an erased address or message id: its keyed hash, and for an address the consent of its customer. */
export type ErasedIdentifier = {
  hash: string;
  erasedAt: Date;
  /** OPTED_OUT is kept, so that the customer is not written to after the erasure either (SF-11). */
  consent: 'OPTED_OUT' | null;
  consentAt: Date | null;
  /** Until when echoes to the address are dropped: a message was being sent during the erasure. Null: none was. */
  echoesUntil: Date | null;
};

/** The columns of an identifier of which only the hash is known. */
export const NOTHING_KNOWN = { consent: null, consentAt: null, echoesUntil: null } as const;

const COLUMNS = columnsExcept(erasedIdentifier, ['accountId']);
const KEEP = `insert into erased_identifier (account_id, ${namesOf(COLUMNS)})
  select distinct on (hash) $1::uuid, rows.* from (${unnest(COLUMNS, 2)}) as rows order by hash
  on conflict (account_id, hash) do update set erased_at = greatest(erased_identifier.erased_at, excluded.erased_at),
    consent = excluded.consent, consent_at = excluded.consent_at, echoes_until = excluded.echoes_until`;

/** Keeps the hashes of erased identifiers. For an identifier that is erased again, the newest erasure counts. */
export async function keepErased(
  sql: TransactionSql,
  accountId: string,
  erased: readonly ErasedIdentifier[],
): Promise<void> {
  await sql.unsafe(KEEP, [accountId, ...valuesOf(COLUMNS, erased)], { prepare: true });
}

/** The erased identifiers among these hashes, by hash. */
export async function findErased(
  sql: Sql | TransactionSql,
  accountId: string,
  hashes: readonly string[],
): Promise<Map<string, ErasedIdentifier>> {
  const rows = await sql.unsafe<ErasedIdentifier[]>(
    `select hash, erased_at as "erasedAt", consent, consent_at as "consentAt",
       echoes_until as "echoesUntil" from erased_identifier
     where account_id = $1 and hash = any($2::text[])`,
    [accountId, hashes as string[]],
    { prepare: true },
  );
  return new Map(rows.map((row) => [row.hash, row]));
}

/** Records that erased customers had opted out before the erasure. */
export async function keepOptOuts(
  sql: TransactionSql,
  accountId: string,
  optOuts: readonly { hash: string; at: Date }[],
): Promise<void> {
  await sql.unsafe(
    `update erased_identifier set consent = 'OPTED_OUT', consent_at = rows.at::timestamptz
     from unnest($2::text[], $3::text[]) as rows (hash, at)
     where account_id = $1 and erased_identifier.hash = rows.hash`,
    [accountId, optOuts.map(({ hash }) => hash), optOuts.map(({ at }) => at.toISOString())],
    { prepare: true },
  );
}

/** Deletes hashes of every account that were erased before an instant, except opt-outs; returns how many. */
export async function deleteOldErased(sql: Sql, erasedBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from erased_identifier where (account_id, hash) in (
      select account_id, hash from erased_identifier where erased_at < ${erasedBefore} and consent is null
      limit ${limit} for update skip locked
    )`;
  return deleted.count;
}

/** Clears `erased_before` where it is before an instant, in contacts of every account; returns how many. */
export async function forgetErasures(sql: Sql, erasedBefore: Date, limit: number): Promise<number> {
  const forgotten = await sql`
    update contact set erased_before = null where (account_id, id) in (
      select account_id, id from contact where erased_before < ${erasedBefore} limit ${limit} for update skip locked
    )`;
  return forgotten.count;
}
