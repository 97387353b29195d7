import type { Sql, TransactionSql } from 'postgres';

/** What is left of an erased address or message id: its keyed hash, when, and for an address what its customer had said. */
export type ErasedIdentifier = {
  hash: string;
  erasedAt: Date;
  /** Kept where it is OPTED_OUT: whoever asked not to be written to is not, erased or not (SF-11). */
  consent: 'OPTED_OUT' | null;
  consentAt: Date | null;
  /** Until when echoes to an address are of a message that was under way while it was erased; null: none was. */
  echoesUntil: Date | null;
};

/** Of an identifier of which nothing else is known. */
export const NOTHING_KNOWN = { consent: null, consentAt: null, echoesUntil: null } as const;

/** Keeps the hashes of what is erased; of the same identifier erased again, the newest erasure counts. */
export async function keepErased(
  sql: TransactionSql,
  accountId: string,
  erased: readonly ErasedIdentifier[],
): Promise<void> {
  await sql.unsafe(
    `insert into erased_identifier (account_id, hash, erased_at, consent, consent_at, echoes_until)
     select distinct on (hash) $1::uuid, hash, erased_at::timestamptz, consent, consent_at::timestamptz, echoes_until::timestamptz
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
       as rows (hash, erased_at, consent, consent_at, echoes_until) order by hash
     on conflict (account_id, hash) do update set erased_at = greatest(erased_identifier.erased_at, excluded.erased_at),
       consent = excluded.consent, consent_at = excluded.consent_at, echoes_until = excluded.echoes_until`,
    [
      accountId,
      erased.map((each) => each.hash),
      erased.map((each) => each.erasedAt.toISOString()),
      erased.map((each) => each.consent),
      erased.map((each) => each.consentAt?.toISOString() ?? null),
      erased.map((each) => each.echoesUntil?.toISOString() ?? null),
    ],
    { prepare: true },
  );
}

/** Which of these hashes are of something erased, by hash. */
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

/** Notes that customers who are erased opted out before that. */
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

/** Deletes hashes of what was erased before an instant, of any account, but for opt-outs; returns how many. */
export async function deleteOldErased(sql: Sql, erasedBefore: Date, limit: number): Promise<number> {
  const deleted = await sql`
    delete from erased_identifier where (account_id, hash) in (
      select account_id, hash from erased_identifier where erased_at < ${erasedBefore} and consent is null
      limit ${limit} for update skip locked
    )`;
  return deleted.count;
}

/** Lets contacts forget that whoever had their address before was erased before an instant; returns how many. */
export async function forgetErasures(sql: Sql, erasedBefore: Date, limit: number): Promise<number> {
  const forgotten = await sql`
    update contact set erased_before = null where (account_id, id) in (
      select account_id, id from contact where erased_before < ${erasedBefore} limit ${limit} for update skip locked
    )`;
  return forgotten.count;
}
