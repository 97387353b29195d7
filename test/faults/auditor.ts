import { readFileSync } from 'node:fs';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import { GIVEN, INVARIANTS } from './invariants.ts';

/** A violation of an invariant: the id of a conversation, a lane, a message or an effect. */
export type Violation = { invariant: string; id: string; what: string };

/** Observations made outside the database. An observation that was not made is left out. */
export type Seen = {
  /** Messages whose recording was acknowledged. `at`: when they were sent, by the sender's clock. */
  acknowledged?: { channel_id: string; message_id: string; at?: string }[];
  /** Ends, by their events, and when they were seen, by the observer's clock. */
  ends?: { conversation_id: string; revision: number; seen_at: string }[];
  /** Effects that receivers accepted, by id. */
  taken?: { outbox_id: string; times: number }[];
  /** Messages shown to customers on channels that do not deduplicate. */
  shown?: { channel_id: string; address: string; times: number }[];
};

export type Audit = {
  /** The instant of the audit; by default the database's time. */
  now?: Date;
  /** The tolerated lateness of a close. */
  graceMs?: number;
  seen?: Seen;
  /** Only the invariants with these names. */
  only?: readonly string[];
};

/** The tolerated lateness of a close after a failure. */
export const AT_MOST_LATE_MS = 15_000;

/** Checks every invariant of every account. */
export async function audit(
  sql: Sql | TransactionSql,
  { now, graceMs = AT_MOST_LATE_MS, seen = {}, only }: Audit = {},
): Promise<Violation[]> {
  const [clock] = await sql`select clock_timestamp() as now`;
  const parameters = [now ?? clock?.now, `${graceMs} milliseconds`, JSON.stringify(seen)];
  const violations: Violation[] = [];
  for (const { name, query } of INVARIANTS) {
    if (only && !only.includes(name)) continue;
    const rows = await sql.unsafe<{ id: string; what: string }[]>(`with ${GIVEN} ${query}`, parameters);
    violations.push(...rows.map(({ id, what }) => ({ invariant: name, id, what })));
  }
  return violations;
}

/** The same in one snapshot: concurrent writes are not seen. */
export async function auditOneInstant(sql: Sql, given: Audit = {}): Promise<Violation[]> {
  return await sql.begin('isolation level repeatable read read only', (tx) => audit(tx, given));
}

const USAGE = 'usage: node test/faults/auditor.ts <database URL> [<what was seen, as a file of JSON>]\n';

/** As a program: prints every violation and exits with 1 if there are any. */
async function main([url, seenFile]: readonly string[]): Promise<number> {
  if (url === undefined) {
    process.stderr.write(USAGE);
    return 64;
  }
  const sql = postgres({ ...postgresOptions({ url }), max: 1, onnotice: () => {} });
  try {
    const seen = seenFile === undefined ? {} : (JSON.parse(readFileSync(seenFile, 'utf8')) as Seen);
    const violations = await auditOneInstant(sql, { seen });
    for (const { invariant, id, what } of violations) process.stdout.write(`${invariant}: ${id}: ${what}\n`);
    process.stdout.write(`${INVARIANTS.length} invariants, ${violations.length} violations\n`);
    return violations.length === 0 ? 0 : 1;
  } finally {
    await sql.end();
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
