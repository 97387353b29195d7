import type { Sql, TransactionSql } from 'postgres';
import { CLOCK_COLUMNS } from '../db/rows/conversations.ts';
import type { Lane } from '../db/rows/lanes.ts';
import { type Column, unnest, valuesOf } from '../db/rows/unnest.ts';
import { hasSqlstate } from '../db/sqlstate.ts';
import type { OwedEffect } from '../domain/closing/owed-effects.ts';
import type { ClockName, LaneFacts } from '../domain/conversation/conversation.ts';
import type { Firing } from '../domain/conversation/fire-timer.ts';
import type { DueSegment } from '../domain/time/calendar.ts';
import type { Timer } from '../domain/time/timers.ts';

/** One batch of a timer's actions on a lane. */
export type Batch = {
  lane: Lane;
  timer: Timer;
  firing: Firing;
  /** The lane of `firing.facts`; null for an end. */
  targetLaneId: string | null;
  /** Clocks from `lower` to `cutoff`, both included, are due. */
  lower: Date;
  cutoff: Date;
  /** The due instants of those clocks. */
  segments: readonly DueSegment[];
  rulesVersion: number;
  rulesSince: Date;
  now: Date;
  /** The range in which the database's own clock must be when it runs the batch. */
  tolerance: { from: Date; to: Date };
  limit: number;
  /** Conversations with one of these tags are skipped: they are exempt, but the backfill has not moved them yet (PE-7). */
  passedTags: readonly string[];
  /** The effects of each end. If there are none, no outbox rows are written. */
  owed: readonly OwedEffect[];
  /** Ids for their outbox rows, enough for `limit` conversations. */
  owedIds: readonly string[];
};

/** A conversation that a batch acted on: its lateness if it ended, otherwise its due instant. */
export type Acted = { id: string; latenessMs: number | null; dueAt: Date | null };
/** The result of a batch. `newest`: the newest clock it found, where the next batch starts to search; null if it found none. */
export type Done = { acted: Acted[]; newest: Date | null };

/** The database's clock differs from the time of the batch. The batch did nothing. */
export class ClocksDisagreeError extends Error {}

/**
 * Lets a timer act on the due conversations of its lane, those silent for longest first: status, clocks, feed and outbox in one
 * statement. Locked rows are skipped. It acts on none unless the account's rules version is, in the statement's own snapshot,
 * the one with which the cutoff was computed. `onlyId` restricts it to one conversation.
 * @throws ClocksDisagreeError
 */
export async function fireTimer(
  sql: Sql | TransactionSql,
  batch: Batch,
  onlyId: string | null = null,
): Promise<Done> {
  const { text, given } = statementOf(batch, onlyId);
  const rows = await sql
    .unsafe(text, given as never[], { prepare: true })
    .catch((error: { code?: string }) => {
      throw hasSqlstate(error, 'divisionByZero') ? new ClocksDisagreeError() : error;
    });
  const acted = rows.map((row) => ({
    id: row.id,
    latenessMs: row.lateness_ms === undefined ? null : Number(row.lateness_ms),
    dueAt: row.due_at ?? null,
  }));
  return { acted, newest: rows[0] ? new Date(rows[0].newest) : null };
}

/** Collects the parameters of a statement. `put` and `putRows` return the text that refers to a value or to rows. */
type Parameters = {
  given: unknown[];
  put(value: unknown, type: string): string;
  putRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string;
};

function openParameters(): Parameters {
  const given: unknown[] = [];
  return {
    given,
    put: (value, type) => `$${given.push(value)}::${type}`,
    putRows(columns, rows) {
      const first = given.length + 1;
      given.push(...valuesOf(columns, rows));
      return unnest(columns, first);
    },
  };
}

/** The statement of a batch. Its text depends only on the kind of batch, so that Postgres can reuse its plan. */
function statementOf(batch: Batch, onlyId: string | null): { text: string; given: unknown[] } {
  const { lane, timer, firing } = batch;
  const { column, condition } = CLOCK_COLUMNS[timer.clock];
  const parameters = openParameters();
  const { given, put } = parameters;
  const account = put(lane.accountId, 'uuid');
  const rulesVersion = put(batch.rulesVersion, 'bigint');
  const now = put(batch.now, 'timestamptz');
  const passed = batch.passedTags.length === 0 ? '' : `and not (tags && ${put(batch.passedTags, 'text[]')})`;
  const only = onlyId === null ? '' : `and id = ${put(onlyId, 'uuid')}`;
  const tag = firing.tag === null ? null : put(firing.tag, 'text');
  const reason = timer.action.does === 'END' ? put(timer.action.reason, 'text') : null;
  // Divides by zero if the clocks disagree, which would otherwise look like a batch without due conversations.
  const { tolerance } = batch;
  const timely = `1 / (clock_timestamp() between ${put(tolerance.from, 'timestamptz')} and ${put(tolerance.to, 'timestamptz')})::int = 1`;
  const acting =
    firing.facts === null
      ? ending(batch, { now, rulesVersion, tag, reason }, put)
      : moving(batch, firing.facts, now, put);
  const text = `with due as materialized (
    select id, ${column} as clock from conversation
    where account_id = ${account} and lane_id = ${put(lane.id, 'uuid')}
      and ${column} <= ${put(batch.cutoff, 'timestamptz')} and ${column} >= ${put(batch.lower, 'timestamptz')} ${condition} ${passed} ${only}
      and exists (select 1 from account where account_id = ${account} and rules_version = ${rulesVersion} and ${timely})
    order by ${column} limit ${put(batch.limit, 'int')} for no key update skip locked
  ), ${timed(batch.segments, parameters)}, acted as (
    update conversation set ${acting}, placed_at = ${now}, revision = conversation.revision + 1
    from timed where conversation.account_id = ${account} and conversation.id = timed.id
    returning conversation.id, conversation.revision, conversation.channel_id, conversation.status, conversation.awaiting, timed.due_at,
      conversation.lateness_ms
  ), fed as (
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, effect, status, awaiting, data)
    select ${account}, id, revision, 'TIMER', ${now}, ${now}, 'SYSTEM', channel_id, ${put(timer.kind, 'text')},
      ${firing.facts === null ? `'ENDED'` : 'null'}, status, awaiting,
      jsonb_build_object('due', to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')${reason === null ? '' : `, 'endReason', ${reason}`}${tag === null ? '' : `, 'tag', ${tag}`})
    from acted
  )${owed(batch, account, now, parameters)}
  select id, ${firing.facts === null ? 'lateness_ms' : 'due_at'}, (select max(clock)::text from due) as newest from acted`;
  return { text, given };
}

const PIECES: readonly Column<DueSegment>[] = [
  { name: 'clock', type: 'timestamptz', of: (row) => row.clock },
  { name: 'due', type: 'timestamptz', of: (row) => row.due },
  { name: 'slope', type: 'int', of: (row) => row.slope },
];

/** The due instant of each conversation. Usually all clocks of a batch have the same distance to it, which is much cheaper. */
function timed(segments: readonly DueSegment[], { put, putRows }: Parameters): string {
  const [only, ...more] = segments;
  if (only?.slope === 1 && only.due !== null && more.length === 0) {
    const after = put(`${only.due.getTime() - only.clock.getTime()} milliseconds`, 'interval');
    return `timed as (select id, clock, clock + ${after} as due_at from due)`;
  }
  return `piece as materialized (${putRows(PIECES, segments)}), timed as materialized (
    select id, clock, (
      select piece.due + (due.clock - piece.clock) * piece.slope from piece
      where piece.clock <= due.clock order by piece.clock desc limit 1
    ) as due_at from due
  )`;
}

const EFFECTS: readonly Column<OwedEffect & { number: number }>[] = [
  { name: 'number', type: 'int', of: (row) => row.number },
  { name: 'kind', type: 'text', of: (row) => row.kind },
  { name: 'endpoint_id', type: 'uuid', of: (row) => row.endpointId },
  { name: 'payload', type: 'jsonb', of: (row) => row.payload },
];

/** Writes each effect for each ended conversation, with the next of the ids. */
function owed(batch: Batch, account: string, now: string, { put, putRows }: Parameters): string {
  if (batch.owed.length === 0) return '';
  const effects = batch.owed.map((effect, index) => ({ ...effect, number: index + 1 }));
  const ids = put(`{${batch.owedIds.join(',')}}`, 'uuid[]');
  const each = put(effects.length, 'int');
  return `, effect as materialized (${putRows(EFFECTS, effects)}), owed as (
    insert into outbox (account_id, id, kind, conversation_id, revision, endpoint_id, channel_id, payload, state, attempts, due_at, created_at)
    select ${account}, (${ids})[(acted.number - 1) * ${each} + effect.number], effect.kind, acted.id, acted.revision, effect.endpoint_id,
      acted.channel_id, effect.payload, 'PENDING', 0, ${now}, ${now}
    from (select id, revision, channel_id, row_number() over () as number from acted) as acted cross join effect
  )`;
}

/** The assignments of an end. Lateness counts from the due instant, the rules version or the last move, whichever is latest. */
function ending(
  { rulesSince }: Batch,
  {
    now,
    rulesVersion,
    tag,
    reason,
  }: Record<'now' | 'rulesVersion', string> & Record<'tag' | 'reason', string | null>,
  put: Parameters['put'],
): string {
  const from = `greatest(timed.due_at, ${put(rulesSince, 'timestamptz')}, conversation.placed_at)`;
  // The tag of the policy, if the conversation does not have it (PE-3).
  const tagging = `tags = case when ${tag} = any(conversation.tags) then conversation.tags else conversation.tags || ${tag} end`;
  return [
    `status = 'ENDED'`,
    'lane_id = null',
    `ended_at = ${now}`,
    `end_reason = ${reason}`,
    `ended_by = 'SYSTEM'`,
    'credited_agent_id = conversation.agent_id',
    'former_status = conversation.status',
    `rules_version = ${rulesVersion}`,
    `lateness_ms = greatest(0, (date_part('epoch', ${now} - ${from}) * 1000)::bigint)`,
    ...(tag === null ? [] : [tagging]),
  ].join(', ');
}

/** The assignments of a move to another lane. */
function moving(
  { firing: { clocks, freesAgent }, targetLaneId }: Batch,
  facts: LaneFacts,
  now: string,
  put: Parameters['put'],
): string {
  const stamps = Object.entries(clocks).map(([name, stamp]) => {
    const { column } = CLOCK_COLUMNS[name as ClockName];
    if (stamp === 'NONE') return `${column} = null`;
    return `${column} = greatest(conversation.${column}, ${stamp === 'NOW' ? now : 'timed.clock'})`;
  });
  return [
    `lane_id = ${put(targetLaneId, 'uuid')}`,
    `status = ${put(facts.status, 'text')}`,
    `skill_id = ${put(facts.skillId, 'uuid')}`,
    `held = ${put(facts.held, 'bool')}`,
    `stage = ${put(facts.stage, 'int')}`,
    `overflowed = ${put(facts.overflowed, 'bool')}`,
    ...(freesAgent ? ['agent_id = null'] : []),
    ...stamps,
  ].join(', ');
}
