import { readFileSync } from 'node:fs';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import { GIVEN, INVARIANTS } from './invariants.ts';

/** Something that an invariant is not true of: the id of a conversation, a lane, a message or an effect. */
export type Violation = { invariant: string; id: string; what: string };

/** What was seen outside of the database. Where nobody looked, it is left out. */
export type Seen = {
  /** Messages whose recording was acknowledged. `at`: when they were sent, by the clock of who sent them. */
  acknowledged?: { channel_id: string; message_id: string; at?: string }[];
  /** Ends, by their events, and when they were seen, by the clock of who saw them. */
  ends?: { conversation_id: string; revision: number; seen_at: string }[];
  /** What receivers took, by the id of the effect. */
  taken?: { outbox_id: string; times: number }[];
  /** What customers were shown on channels that take a message as often as it is sent. */
  shown?: { channel_id: string; address: string; times: number }[];
};

export type Audit = {
  /** As of when; absent: the database's time. */
  now?: Date;
  /** How late a close may be. */
  graceMs?: number;
  seen?: Seen;
  /** Only the invariants of these names. */
  only?: readonly string[];
};

/** How late a close may be when something has failed. */
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

/** The same, of one instant: what is written meanwhile is not looked at. */
export async function auditOneInstant(sql: Sql, given: Audit = {}): Promise<Violation[]> {
  return await sql.begin('isolation level repeatable read read only', (tx) => audit(tx, given));
}

const USAGE = 'usage: node test/faults/auditor.ts <database URL> [<what was seen, as a file of JSON>]\n';

/** As a program: prints every violation; ends with 1 where there are any. */
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
