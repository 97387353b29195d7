import type { TransactionSql } from 'postgres';
import { type Counted, checkCount } from '../../domain/bounds.ts';
import { TakenError } from '../../domain/errors.ts';
import { countOf } from './counts.ts';

/** The answer to a creation if another object has the name: an error, or that object. */
export type IfExists = 'ERROR' | 'RETURN';

type Named = 'skills' | 'agents' | 'channels' | 'calendars';
/** The table of each kind of object, and the column that tells two of them apart beyond the name. */
const TABLES: Readonly<Record<Named & Counted, { table: string; column: string | null }>> = {
  skills: { table: 'skill', column: null },
  agents: { table: 'agent', column: 'kind' },
  channels: { table: 'channel', column: 'adapter' },
  calendars: { table: 'calendar', column: null },
};

/** An object to create. `kind` is an agent's kind or a channel's adapter; null for objects without one. */
type Creation = { accountId: string; name: string; kind: string | null; ifExists: IfExists; now: Date };

/**
 * Returns the id of the object that has the name already, for a creation with RETURN; null if it may be created. It locks
 * the account first, so that of two concurrent creations the second finds what the first created.
 * @throws InvalidInputError if the account has the most it may have; TakenError if the object has another kind
 */
export async function existingInstead(
  sql: TransactionSql,
  created: Named,
  { accountId, name, kind, ifExists, now }: Creation,
): Promise<string | null> {
  const count = await countOf(sql, accountId, created, now);
  if (ifExists === 'RETURN') {
    const { table, column } = TABLES[created];
    const [row] = await sql.unsafe<{ id: string; kind: string | null }[]>(
      `select id, ${column ?? 'null'} as kind from ${table} where account_id = $1 and name = $2`,
      [accountId, name],
    );
    if (row && row.kind !== kind)
      throw new TakenError('name', `name: another one has it, of another kind: ${row.kind}`);
    if (row) return row.id;
  }
  checkCount(created, count);
  return null;
}
