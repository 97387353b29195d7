import type { Sql, TransactionSql } from 'postgres';
import type { ClockName, Conversation, Ending } from '../../domain/conversation/conversation.ts';
import { bounded } from './bounded.ts';
import { type Column, unnest, valuesOf } from './unnest.ts';

/** A conversation as it stands in the database, with its lane. */
export type StoredConversation = Conversation & { laneId: string | null };

/** The clocks' columns, and the condition of each one's partial index, which a query must state to use it. */
export const CLOCK_COLUMNS: Readonly<Record<ClockName, { column: string; condition: string }>> = {
  lastActivityAt: { column: 'last_activity_at', condition: '' },
  awaitingSince: { column: 'awaiting_since', condition: `and status in ('NEW', 'ACTIVE')` },
  statusSince: { column: 'status_since', condition: `and status in ('WAITING', 'INACTIVE')` },
  heldUntil: { column: 'held_until', condition: 'and held_until is not null' },
};

const COLUMNS: readonly Column<StoredConversation>[] = [
  { name: 'id', type: 'uuid', of: (row) => row.id },
  { name: 'contact_id', type: 'uuid', of: (row) => row.contactId },
  { name: 'channel_id', type: 'uuid', of: (row) => row.channelId },
  { name: 'started_by', type: 'text', of: (row) => row.startedBy },
  { name: 'previous_id', type: 'uuid', of: (row) => row.previousId },
  { name: 'skill_id', type: 'uuid', of: (row) => row.skillId },
  { name: 'lane_id', type: 'uuid', of: (row) => row.laneId },
  { name: 'status', type: 'text', of: (row) => row.status },
  { name: 'awaiting', type: 'text', of: (row) => row.awaiting },
  { name: 'agent_id', type: 'uuid', of: (row) => row.agentId },
  { name: 'case_status', type: 'text', of: (row) => row.caseStatus },
  { name: 'held', type: 'bool', of: (row) => row.held },
  { name: 'held_until', type: 'timestamptz', of: (row) => row.heldUntil },
  { name: 'manual_response_at', type: 'timestamptz', of: (row) => row.manualResponseAt },
  { name: 'tags', type: 'text[]', of: (row) => row.tags },
  { name: 'stage', type: 'int', of: (row) => row.stage },
  { name: 'overflowed', type: 'bool', of: (row) => row.overflowed },
  { name: 'started_at', type: 'timestamptz', of: (row) => row.startedAt },
  { name: 'last_activity_at', type: 'timestamptz', of: (row) => row.lastActivityAt },
  { name: 'awaiting_since', type: 'timestamptz', of: (row) => row.awaitingSince },
  { name: 'status_since', type: 'timestamptz', of: (row) => row.statusSince },
  { name: 'newest_at', type: 'timestamptz', of: (row) => row.newestAt },
  { name: 'placed_at', type: 'timestamptz', of: (row) => row.placedAt },
  { name: 'ended_at', type: 'timestamptz', of: (row) => row.ending?.at },
  { name: 'end_reason', type: 'text', of: (row) => row.ending?.reason },
  { name: 'ended_by', type: 'text', of: (row) => row.ending?.by },
  { name: 'credited_agent_id', type: 'uuid', of: (row) => row.ending?.creditedAgentId },
  { name: 'former_status', type: 'text', of: (row) => row.ending?.formerStatus },
  { name: 'rules_version', type: 'bigint', of: (row) => row.ending?.rulesVersion },
  { name: 'lateness_ms', type: 'bigint', of: (row) => row.ending?.latenessMs },
  { name: 'revision', type: 'int', of: (row) => row.revision },
];
const NAMES = COLUMNS.map(({ name }) => name);
/** The columns that `conversationOf` reads, but for `account_id`. */
export const CONVERSATION_NAMES: readonly string[] = NAMES;
/** Never change once it is there. */
const FIXED = new Set(['id', 'contact_id', 'channel_id', 'previous_id']);
/** The columns that change, with `id`. */
export const CHANGING = COLUMNS.filter(({ name }) => name === 'id' || !FIXED.has(name));

/** The columns to select for `conversationOf`. */
export const CONVERSATION_COLUMNS = ['account_id', ...NAMES].join(', ');

/** A statement that selects those, and `more`, with a bound on their tags: see `withinBounds`. */
export function boundedConversations(text: string, more: readonly string[] = []): string {
  return bounded(text, ['account_id', ...NAMES, ...more], 'tags');
}

const INSERT = `insert into conversation (account_id, ${NAMES.join(', ')})
  select $1::uuid, rows.* from (${unnest(COLUMNS, 2)}) as rows`;

const UPDATE = `update conversation set ${CHANGING.filter(({ name }) => name !== 'id')
  .map(({ name }) => `${name} = rows.${name}`)
  .join(', ')}
  from (${unnest(CHANGING, 2)}) as rows
  where conversation.account_id = $1::uuid and conversation.id = rows.id`;

/** Inserts new conversations. */
export async function insertConversations(
  sql: TransactionSql,
  accountId: string,
  rows: readonly StoredConversation[],
) {
  await sql.unsafe(INSERT, [accountId, ...valuesOf(COLUMNS, rows)], { prepare: true });
}

/** Writes all that may change of conversations the transaction holds locked. */
export async function updateConversations(
  sql: TransactionSql,
  accountId: string,
  rows: readonly StoredConversation[],
) {
  await sql.unsafe(UPDATE, [accountId, ...valuesOf(CHANGING, rows)], { prepare: true });
}

/**
 * Locks conversations by id, whatever their status: a status condition would lose the row that a closing
 * batch holds, and a second conversation would be born.
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

/** Finds the contacts of conversations; those of other accounts are not found. */
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
export function conversationOf(row: Record<string, unknown>): StoredConversation {
  return {
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
    ending: endingOf(row),
    revision: row.revision,
  } as StoredConversation;
}

function endingOf(row: Record<string, unknown>): Ending | null {
  if (row.ended_at === null) return null;
  return {
    at: row.ended_at,
    reason: row.end_reason,
    by: row.ended_by,
    creditedAgentId: row.credited_agent_id,
    formerStatus: row.former_status,
    rulesVersion: Number(row.rules_version),
    latenessMs: row.lateness_ms === null ? null : Number(row.lateness_ms),
  } as Ending;
}
