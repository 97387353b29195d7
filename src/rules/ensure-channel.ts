import type { Sql, TransactionSql } from 'postgres';
import type { Causing } from '../engine.ts';
import { changeRules, type RulesDeps } from './change-rules.ts';

/** Finds a channel by name, or creates it, which is a change of rules. `settings` must have been parsed by the adapter. */
export async function ensureChannel(
  deps: RulesDeps,
  accountId: string,
  { name, adapter, settings }: { name: string; adapter: string; settings: object },
): Promise<Causing<string>> {
  const find = async (sql: Sql | TransactionSql) => {
    const [row] = await sql`select id from channel where account_id = ${accountId} and name = ${name}`;
    return row === undefined ? null : (row.id as string);
  };
  const known = await find(deps.db.sql);
  if (known !== null) return { result: known, caused: {} };
  let id = deps.newId();
  const author = { changedBy: 'setup', why: null };
  const { caused } = await changeRules(deps, { accountId, author }, async (sql) => {
    const other = await find(sql);
    if (other !== null) {
      id = other;
      return null;
    }
    await sql`insert into channel ${sql({ account_id: accountId, id, name, adapter, settings: sql.json(settings as never) })}`;
    const after = { name, adapterId: adapter, calendarId: null };
    return { kind: 'CHANNEL', channelId: id, skillId: null, before: null, after };
  });
  return { result: id, caused };
}
