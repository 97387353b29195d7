import type { Sql, TransactionSql } from 'postgres';
import type { Event } from '../../domain/conversation/event.ts';
import { bounded } from './bounded.ts';
import { type Column, unnest, valuesOf } from './unnest.ts';

/** The columns of the feed, but for `account_id`. */
export const EVENT_COLUMNS: readonly Column<Event>[] = [
  { name: 'conversation_id', type: 'uuid', of: (row) => row.conversationId },
  { name: 'revision', type: 'int', of: (row) => row.revision },
  { name: 'kind', type: 'text', of: (row) => row.kind },
  { name: 'at', type: 'timestamptz', of: (row) => row.at },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recordedAt },
  { name: 'actor', type: 'text', of: (row) => row.actor },
  { name: 'agent_id', type: 'uuid', of: (row) => row.agentId },
  { name: 'channel_id', type: 'uuid', of: (row) => row.channelId },
  { name: 'message_id', type: 'text', of: (row) => row.messageId },
  { name: 'timer', type: 'text', of: (row) => row.timer },
  { name: 'effect', type: 'text', of: (row) => row.effect },
  { name: 'status', type: 'text', of: (row) => row.status },
  { name: 'awaiting', type: 'text', of: (row) => row.awaiting },
  { name: 'data', type: 'jsonb', of: (row) => row.data },
];
const NAMES = EVENT_COLUMNS.map(({ name }) => name).join(', ');

/** A statement that selects those, and `more`, with a bound on what they tell: see `withinBounds`. */
export function boundedEvents(text: string, more: readonly string[] = []): string {
  return bounded(text, ['account_id', ...EVENT_COLUMNS.map(({ name }) => name), ...more], 'data');
}

const INSERT = `insert into event (account_id, ${NAMES}) select $1::uuid, rows.* from (${unnest(EVENT_COLUMNS, 2)}) as rows`;

/** Appends to the feed. */
export async function insertEvents(sql: TransactionSql, accountId: string, events: readonly Event[]) {
  await sql.unsafe(INSERT, [accountId, ...valuesOf(EVENT_COLUMNS, events)], { prepare: true });
}

/** All events of conversations, each conversation's in order of revision. */
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

/** Which of these message ids of their channels were seen before, and on which conversation. */
export async function knownMessages(
  sql: Sql | TransactionSql,
  accountId: string,
  messages: readonly { channelId: string; messageId: string }[],
): Promise<Map<string, string>> {
  const rows = await sql.unsafe<{ channel_id: string; message_id: string; conversation_id: string }[]>(
    `select event.channel_id, event.message_id, event.conversation_id
     from unnest($2::uuid[], $3::text[]) as asked (channel_id, message_id)
     join event on event.account_id = $1 and event.channel_id = asked.channel_id and event.message_id = asked.message_id`,
    [accountId, messages.map((each) => each.channelId), messages.map((each) => each.messageId)],
    { prepare: true },
  );
  return new Map(rows.map((row) => [messageKey(row.channel_id, row.message_id), row.conversation_id]));
}

/** One string for a message of a channel. */
export function messageKey(channelId: string, messageId: string): string {
  return `${channelId} ${messageId}`;
}

/** Reads a row of the event table. */
export function eventOfRow(row: Record<string, unknown>): Event {
  return {
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
  } as Event;
}
