import type { Sql, TransactionSql } from 'postgres';
import type { Event } from '../../domain/conversation/event.ts';
import { event } from '../tables/conversation.ts';
import { bounded } from './bounded.ts';
import { columnsOf, namesOf, readerOf, type ValuesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

const VALUES: ValuesOf<typeof event, Event, 'accountId' | 'xid'> = {
  conversationId: (row) => row.conversationId,
  revision: (row) => row.revision,
  kind: (row) => row.kind,
  at: (row) => row.at,
  recordedAt: (row) => row.recordedAt,
  actor: (row) => row.actor,
  agentId: (row) => row.agentId,
  channelId: (row) => row.channelId,
  messageId: (row) => row.messageId,
  timer: (row) => row.timer,
  effect: (row) => row.effect,
  status: (row) => row.status,
  awaiting: (row) => row.awaiting,
  data: (row) => row.data,
};
/** The columns of the feed, but for `account_id` and for `xid`, which the database sets. */
export const EVENT_COLUMNS = columnsOf(event, VALUES);
const NAMES = namesOf(EVENT_COLUMNS);

/** Bounds the data that a statement with these columns, and `more`, selects: see `withinBounds`. */
export function boundedEvents(text: string, more: readonly string[] = []): string {
  return bounded(text, ['account_id', ...EVENT_COLUMNS.map(({ name }) => name), ...more], 'data');
}

const INSERT = `insert into event (account_id, ${NAMES}) select $1::uuid, rows.* from (${unnest(EVENT_COLUMNS, 2)}) as rows`;

/** Appends to the feed. */
export async function insertEvents(sql: TransactionSql, accountId: string, events: readonly Event[]) {
  await sql.unsafe(INSERT, [accountId, ...valuesOf(EVENT_COLUMNS, events)], { prepare: true });
}

/** All events of conversations, each conversation's ordered by revision. */
export async function eventsOf(
  sql: Sql | TransactionSql,
  accountId: string,
  conversationIds: readonly string[],
): Promise<Event[]> {
  const rows = await sql.unsafe(
    `select account_id, ${NAMES} from event where account_id = $1 and conversation_id = any($2::uuid[]) order by conversation_id, revision`,
    [accountId, conversationIds as string[]],
    { prepare: true },
  );
  return rows.map(eventOfRow);
}

/** The conversation on which each message was already recorded, by `messageKey`; unknown messages are left out. */
export async function knownMessages(
  sql: Sql | TransactionSql,
  accountId: string,
  messages: readonly { channelId: string; messageId: string }[],
): Promise<Map<string, string>> {
  const rows = await sql.unsafe<{ channel_id: string; message_id: string; conversation_id: string }[]>(
    `select event.channel_id, event.message_id, event.conversation_id
     from unnest($2::uuid[], $3::text[]) as wanted (channel_id, message_id)
     join event on event.account_id = $1 and event.channel_id = wanted.channel_id and event.message_id = wanted.message_id`,
    [accountId, messages.map((each) => each.channelId), messages.map((each) => each.messageId)],
    { prepare: true },
  );
  return new Map(rows.map((row) => [messageKey(row.channel_id, row.message_id), row.conversation_id]));
}

/** A key for maps: one string for a message of a channel. */
export function messageKey(channelId: string, messageId: string): string {
  return `${channelId} ${messageId}`;
}

/** Reads a row of the event table. */
export const eventOfRow = readerOf(
  event,
  (row): Event => ({
    accountId: row.account_id,
    conversationId: row.conversation_id,
    revision: row.revision,
    kind: row.kind,
    at: row.at,
    recordedAt: row.recorded_at,
    actor: row.actor,
    agentId: row.agent_id,
    channelId: row.channel_id,
    messageId: row.message_id,
    timer: row.timer,
    effect: row.effect,
    status: row.status,
    awaiting: row.awaiting,
    data: row.data,
  }),
);
