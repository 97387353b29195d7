import type { Sql, TransactionSql } from 'postgres';
import { NIL } from '../domain/uuid.ts';

/** The progress of an account's exemption backfill (PE-7). */
export type Backfill = {
  version: number;
  scanned: number;
  moved: number;
  startedAt: Date;
  doneAt: Date | null;
};

/** The position of an exemption backfill, and the earliest instant of its next step. */
export type BackfillPlace = {
  accountId: string;
  version: number;
  pass: number;
  /** The last conversation that this pass has scanned; null at its beginning. */
  afterId: string | null;
  notBefore: Date;
};

const PLACE = `account_id as "accountId", version, pass, after_id as "afterId", not_before as "notBefore"`;

/** Starts an exemption backfill from the beginning, even if one is running. */
export async function startBackfill(sql: TransactionSql, accountId: string, version: number, now: Date) {
  await sql`
    insert into exemption_backfill ${sql({ account_id: accountId, version, pass: 1, after_id: null, not_before: now, scanned: 0, moved: 0, started_at: now, done_at: null })}
    on conflict (account_id) do update set version = excluded.version, pass = 1, after_id = null, not_before = excluded.not_before,
      scanned = 0, moved = 0, started_at = excluded.started_at, done_at = null`;
}

/** The newest exemption backfill of an account; null if its exempt tags never changed. */
export async function readBackfill(sql: Sql, accountId: string): Promise<Backfill | null> {
  const [row] = await sql.unsafe(
    `select version, scanned, moved, started_at as "startedAt", done_at as "doneAt" from exemption_backfill where account_id = $1`,
    [accountId],
    { prepare: true },
  );
  if (!row) return null;
  const { version, scanned, moved, startedAt, doneAt } = row;
  return { version: Number(version), scanned: Number(scanned), moved: Number(moved), startedAt, doneAt };
}

/** The exemption backfills of all accounts whose next step is due, those that have waited longest first. */
export async function pendingBackfills(sql: Sql, now: Date, limit: number): Promise<BackfillPlace[]> {
  const rows = await sql.unsafe(
    `select ${PLACE} from exemption_backfill where done_at is null and not_before <= $1 order by not_before limit $2`,
    [now, limit],
    { prepare: true },
  );
  return rows.map(placeOf);
}

/** The rules version of an account whose next backfill step is due; null if there is none. */
export async function versionToBackfill(sql: Sql, accountId: string, now: Date): Promise<number | null> {
  const [row] = await sql.unsafe(
    `select rules_version from exemption_backfill join account using (account_id)
     where exemption_backfill.account_id = $1 and done_at is null and not_before <= $2`,
    [accountId, now],
    { prepare: true },
  );
  return row ? Number(row.rules_version) : null;
}

/**
 * Locks an account's exemption backfill if its next step is due; null if it is not, or if it is locked. The exempt
 * tags cannot change while it is locked.
 */
export async function claimBackfill(
  sql: TransactionSql,
  accountId: string,
  now: Date,
): Promise<BackfillPlace | null> {
  const [row] = await sql.unsafe(
    `select ${PLACE} from exemption_backfill where account_id = $1 and done_at is null and not_before <= $2 for no key update skip locked`,
    [accountId, now],
    { prepare: true },
  );
  return row ? placeOf(row) : null;
}

/**
 * A chunk of conversations: the number of rows and of open ones, the last id, and the ids of those in a wrong
 * lane.
 */
export type Chunk = { rows: number; open: number; lastId: string | null; misplacedIds: string[] };

/**
 * Reads the next `limit` conversations after an id in the order of their key, ended ones included, so that a chunk
 * takes the same time however few are open. A conversation is misplaced if its lane is exempt and it has no exempt
 * tag, or the reverse.
 */
export async function readChunk(
  sql: TransactionSql,
  accountId: string,
  { afterId, exemptTags, limit }: { afterId: string | null; exemptTags: readonly string[]; limit: number },
): Promise<Chunk> {
  const given = [accountId, afterId ?? NIL, exemptTags as string[], limit];
  const [row] = await sql.unsafe(READ_CHUNK, given, { prepare: true });
  return row as unknown as Chunk;
}

/** The statement of a chunk. Exported so that EXPLAIN can use it. */
const READ_CHUNK = `with chunk as materialized (
    select id, lane_id, tags from conversation where account_id = $1 and id > $2 order by id limit $4
  )
  select count(*)::int as rows, count(lane_id)::int as open, (select id from chunk order by id desc limit 1) as "lastId",
    coalesce(array_agg(chunk.id) filter (where lane.exempt <> (chunk.tags && $3::text[])), '{}') as "misplacedIds"
  from chunk left join lane on lane.account_id = $1 and lane.id = chunk.lane_id`;

/** Stores the position of a locked exemption backfill. */
export async function advanceBackfill(
  sql: TransactionSql,
  { accountId, pass, afterId, notBefore }: BackfillPlace,
  { scanned, moved, doneAt }: { scanned: number; moved: number; doneAt: Date | null },
) {
  await sql`
    update exemption_backfill set pass = ${pass}, after_id = ${afterId}, not_before = ${notBefore}, scanned = scanned + ${scanned},
      moved = moved + ${moved}, done_at = ${doneAt} where account_id = ${accountId}`;
}

function placeOf(row: Record<string, unknown>): BackfillPlace {
  return { ...row, version: Number(row.version) } as BackfillPlace;
}
