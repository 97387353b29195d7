import type { Sql, TransactionSql } from 'postgres';
import type { OutboxRow } from '../../domain/closing/owed-effects.ts';
import { outbox } from '../tables/outbox.ts';
import { columnsOf, namesOf, type ValuesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

type SetBySql = 'accountId' | 'state' | 'attempts' | 'dueAt' | 'createdAt' | 'begunAt' | 'doneAt' | 'error';
const VALUES: ValuesOf<typeof outbox, OutboxRow, SetBySql> = {
  id: (row) => row.id,
  kind: (row) => row.kind,
  conversationId: (row) => row.conversationId,
  revision: (row) => row.revision,
  endpointId: (row) => row.endpointId,
  channelId: (row) => row.channelId,
  payload: (row) => row.payload,
  byHand: (row) => row.byHand ?? false,
};
const COLUMNS = columnsOf(outbox, VALUES);
const INSERT = `insert into outbox (account_id, state, attempts, due_at, created_at, ${namesOf(COLUMNS)})
  select $1::uuid, 'PENDING', 0, $2::timestamptz, $2::timestamptz, rows.* from (${unnest(COLUMNS, 3)}) as rows`;

/** Inserts effects, in the transaction that causes them. */
export async function insertOutbox(
  sql: TransactionSql,
  accountId: string,
  rows: readonly OutboxRow[],
  now: Date,
) {
  await sql.unsafe(INSERT, [accountId, now, ...valuesOf(COLUMNS, rows)], { prepare: true });
}

/** An effect that a sender has claimed. */
export type ClaimedEffect = OutboxRow & {
  accountId: string;
  attempts: number;
  /** When an attempt began whose outcome was never recorded; null: there is none. */
  begunAt: Date | null;
};

/** The addresses of a channel to which Lull is sending a message whose outcome is not known yet. */
export async function inFlightTo(
  sql: Sql,
  accountId: string,
  channelId: string,
  addresses: readonly string[],
): Promise<Set<string>> {
  const rows = await sql<{ address: string }[]>`
    select contact.address from contact
    join conversation on conversation.account_id = contact.account_id and conversation.id = contact.latest_conversation_id
    join outbox on outbox.account_id = contact.account_id and outbox.conversation_id = conversation.id
    where contact.account_id = ${accountId} and contact.channel_id = ${channelId}
      and contact.address = any(${addresses as string[]}) and outbox.state = 'PENDING' and outbox.begun_at is not null`;
  return new Set(rows.map((row) => row.address));
}

/**
 * Records that an attempt begins: if its process dies, the outcome is unknown. False if a newer claim exists, whose process
 * makes the attempt.
 */
export async function beginOutbox(
  sql: Sql,
  { accountId, id, attempts, begunAt }: Pick<ClaimedEffect, 'accountId' | 'id' | 'attempts' | 'begunAt'>,
  now: Date,
): Promise<boolean> {
  const { count } = await sql`
    update outbox set begun_at = ${now} where account_id = ${accountId} and id = ${id} and state = 'PENDING'
      and attempts = ${attempts} and begun_at is not distinct from ${begunAt}::timestamptz`;
  return count === 1;
}

/** Postpones an effect without counting an attempt. */
export async function putOffOutbox(
  sql: Sql,
  { accountId, id }: Pick<ClaimedEffect, 'accountId' | 'id'>,
  dueAt: Date,
): Promise<void> {
  await sql`
    update outbox set due_at = ${dueAt}, attempts = attempts - 1
    where account_id = ${accountId} and id = ${id} and state = 'PENDING'`;
}

/**
 * Writes the outcome of an effect: finished (SENT, DEAD, DROPPED, UNCONFIRMED), or PENDING again until `dueAt`. False if
 * the effect was finished already.
 */
export async function finishOutbox(
  sql: Sql | TransactionSql,
  effect: Pick<ClaimedEffect, 'accountId' | 'id'>,
  result: {
    state: 'SENT' | 'DEAD' | 'DROPPED' | 'UNCONFIRMED' | 'PENDING';
    dueAt: Date;
    now: Date;
    error: string | null;
  },
): Promise<boolean> {
  const doneAt = result.state === 'PENDING' ? null : result.now;
  const { count } = await sql`
    update outbox set state = ${result.state}, due_at = ${result.dueAt}, done_at = ${doneAt}, error = ${result.error},
      begun_at = null, by_hand = false
    where account_id = ${effect.accountId} and id = ${effect.id} and state = 'PENDING'`;
  return count === 1;
}
