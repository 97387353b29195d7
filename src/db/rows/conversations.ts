import type { Sql, TransactionSql } from 'postgres';
import type { EndedBy, EndReason } from '../../domain/closing/closing.ts';
import type { ClockName, Conversation, OpenStatus } from '../../domain/conversation/conversation.ts';
import { conversation } from '../tables/conversation.ts';
import { bounded } from './bounded.ts';
import { assignmentsOf, columnsOf, namesOf, readerOf, type ValuesOf } from './columns.ts';
import { unnest, valuesOf } from './unnest.ts';

/** A conversation as the database has it, with its lane. */
export type StoredConversation = Conversation & { laneId: string | null };

/** The column of each clock, and the condition of its partial index, which a query must state to use the index. */
export const CLOCK_COLUMNS: Readonly<Record<ClockName, { column: string; condition: string }>> = {
  lastActivityAt: { column: 'last_activity_at', condition: '' },
  awaitingSince: { column: 'awaiting_since', condition: `and status in ('NEW', 'ACTIVE')` },
  statusSince: { column: 'status_since', condition: `and status in ('WAITING', 'INACTIVE')` },
  heldUntil: { column: 'held_until', condition: 'and held_until is not null' },
};

type Values = ValuesOf<typeof conversation, StoredConversation>;
/** Columns that never change. */
const IDENTITY = {
  id: (row) => row.id,
  contactId: (row) => row.contactId,
  channelId: (row) => row.channelId,
  previousId: (row) => row.previousId,
} satisfies Partial<Values>;
/** Columns that change while a conversation is open. */
const OPEN = {
  skillId: (row) => row.skillId,
  laneId: (row) => row.laneId,
  status: (row) => row.status,
  awaiting: (row) => row.awaiting,
  agentId: (row) => row.agentId,
  caseStatus: (row) => row.caseStatus,
  held: (row) => row.held,
  heldUntil: (row) => row.heldUntil,
  manualResponseAt: (row) => row.manualResponseAt,
  tags: (row) => row.tags,
  stage: (row) => row.stage,
  overflowed: (row) => row.overflowed,
  lastActivityAt: (row) => row.lastActivityAt,
  awaitingSince: (row) => row.awaitingSince,
  statusSince: (row) => row.statusSince,
  newestAt: (row) => row.newestAt,
  placedAt: (row) => row.placedAt,
  revision: (row) => row.revision,
} satisfies Partial<Values>;
/** Columns that also change when a conversation ends, is reopened, or gets a late activity from before its start. */
const START_AND_END = {
  startedBy: (row) => row.startedBy,
  startedAt: (row) => row.startedAt,
  endedAt: (row) => row.ending?.at,
  endReason: (row) => row.ending?.reason,
  endedBy: (row) => row.ending?.by,
  creditedAgentId: (row) => row.ending?.creditedAgentId,
  formerStatus: (row) => row.ending?.formerStatus,
  rulesVersion: (row) => row.ending?.rulesVersion,
  latenessMs: (row) => row.ending?.latenessMs,
} satisfies Partial<Values>;
const EVERY_COLUMN: Values = { ...IDENTITY, ...OPEN, ...START_AND_END };
const COLUMNS = columnsOf(conversation, EVERY_COLUMN);
const CHANGING = columnsOf(conversation, { ...OPEN, ...START_AND_END });
const CHANGING_BY_ID = columnsOf(conversation, { id: IDENTITY.id, ...OPEN, ...START_AND_END });
/** The columns that change while a conversation is open. */
export const OPEN_COLUMNS = columnsOf(conversation, OPEN);

/** The columns that `conversationOf` reads, but for `account_id`. */
export const CONVERSATION_NAMES: readonly string[] = COLUMNS.map(({ name }) => name);
/** The columns to select for `conversationOf`. */
export const CONVERSATION_COLUMNS = `account_id, ${namesOf(COLUMNS)}`;

/** Bounds the tags that a statement with these columns, and `more`, selects: see `withinBounds`. */
export function boundedConversations(text: string, more: readonly string[] = []): string {
  return bounded(text, ['account_id', ...CONVERSATION_NAMES, ...more], 'tags');
}

const INSERT = `insert into conversation (account_id, ${namesOf(COLUMNS)})
  select $1::uuid, rows.* from (${unnest(COLUMNS, 2)}) as rows`;

const UPDATE = `update conversation set ${assignmentsOf(CHANGING)}
  from (${unnest(CHANGING_BY_ID, 2)}) as rows
  where conversation.account_id = $1::uuid and conversation.id = rows.id`;

/** Inserts new conversations. */
export async function insertConversations(
  sql: TransactionSql,
  accountId: string,
  rows: readonly StoredConversation[],
) {
  await sql.unsafe(INSERT, [accountId, ...valuesOf(COLUMNS, rows)], { prepare: true });
}

/** Writes every column that can change, of conversations that the transaction holds locked. */
export async function updateConversations(
  sql: TransactionSql,
  accountId: string,
  rows: readonly StoredConversation[],
) {
  await sql.unsafe(UPDATE, [accountId, ...valuesOf(CHANGING_BY_ID, rows)], { prepare: true });
}

/**
 * Locks conversations by id, whatever their status. A condition on the status would miss a row that a closing batch holds,
 * and the caller would start a second conversation.
 */
export async function lockConversations(
  sql: TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<StoredConversation[]> {
  const rows = await sql.unsafe(
    `select ${CONVERSATION_COLUMNS} from conversation where account_id = $1 and id = any($2::uuid[]) order by id for no key update`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows.map(conversationOf);
}

/** The contact of each conversation, by the conversation's id. Conversations of other accounts are not found. */
export async function contactsOfConversations(
  sql: Sql | TransactionSql,
  accountId: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql.unsafe<{ id: string; contact_id: string }[]>(
    'select id, contact_id from conversation where account_id = $1 and id = any($2::uuid[])',
    [accountId, ids as string[]],
    { prepare: true },
  );
  return new Map(rows.map((row) => [row.id, row.contact_id]));
}

/** Reads a row selected with `CONVERSATION_COLUMNS`. */
export const conversationOf = readerOf(
  conversation,
  (row): StoredConversation => ({
    accountId: row.account_id,
    id: row.id,
    contactId: row.contact_id,
    channelId: row.channel_id,
    startedBy: row.started_by,
    previousId: row.previous_id,
    skillId: row.skill_id,
    laneId: row.lane_id,
    status: row.status,
    awaiting: row.awaiting,
    agentId: row.agent_id,
    caseStatus: row.case_status,
    held: row.held,
    heldUntil: row.held_until,
    manualResponseAt: row.manual_response_at,
    tags: row.tags,
    stage: row.stage,
    overflowed: row.overflowed,
    startedAt: row.started_at,
    lastActivityAt: row.last_activity_at,
    awaitingSince: row.awaiting_since,
    statusSince: row.status_since,
    newestAt: row.newest_at,
    placedAt: row.placed_at,
    // With `ended_at`, every column of the ending has a value but those that may lack one.
    ending:
      row.ended_at === null
        ? null
        : {
            at: row.ended_at,
            reason: row.end_reason as EndReason,
            by: row.ended_by as EndedBy,
            creditedAgentId: row.credited_agent_id,
            formerStatus: row.former_status as OpenStatus,
            rulesVersion: Number(row.rules_version),
            latenessMs: row.lateness_ms === null ? null : Number(row.lateness_ms),
          },
    revision: row.revision,
  }),
);
