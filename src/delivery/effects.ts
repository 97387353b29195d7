import type { Sql } from 'postgres';
import type { OutboxRow } from '../domain/closing/owed-effects.ts';

/** An effect as an admin sees it. */
export type EffectRow = Pick<OutboxRow, 'id' | 'kind' | 'conversationId' | 'channelId' | 'payload'> & {
  state: 'PENDING' | 'SENT' | 'DEAD' | 'DROPPED' | 'UNCONFIRMED';
  attempts: number;
  createdAt: Date;
  doneAt: Date | null;
  error: string | null;
};

const COLUMNS = `id, kind, conversation_id as "conversationId", channel_id as "channelId", payload, state, attempts,
  created_at as "createdAt", done_at as "doneAt", error`;

/** A page of what could not be sent, or nobody knows whether it was: the oldest first, after an id. */
export async function readUndelivered(
  sql: Sql,
  accountId: string,
  channelId: string | null,
  { after, limit }: { after: string | null; limit: number },
): Promise<EffectRow[]> {
  const rows = await sql.unsafe(
    `select ${COLUMNS} from outbox where account_id = $1 and state in ('DEAD', 'UNCONFIRMED')
       and ($2::uuid is null or channel_id = $2) and ($3::uuid is null or id > $3) order by id limit $4`,
    [accountId, channelId, after, limit],
    { prepare: true },
  );
  return rows as unknown as EffectRow[];
}

/** Effects by id, in no order. */
export async function readEffects(sql: Sql, accountId: string, ids: readonly string[]): Promise<EffectRow[]> {
  const rows = await sql.unsafe(
    `select ${COLUMNS} from outbox where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows as unknown as EffectRow[];
}

/** Settles what was given up: to be tried again from the start, or dropped for good. Whether it was given up. */
export async function settleEffect(
  sql: Sql,
  accountId: string,
  id: string,
  { to, now }: { to: 'PENDING' | 'DROPPED'; now: Date },
): Promise<boolean> {
  const { count } = await sql`
    update outbox set state = ${to}, attempts = 0, begun_at = null, due_at = ${now},
      done_at = ${to === 'PENDING' ? null : now}
    where account_id = ${accountId} and id = ${id} and state in ('DEAD', 'UNCONFIRMED')`;
  return count === 1;
}
