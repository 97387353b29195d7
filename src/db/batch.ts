import type { Sql, TransactionSql } from 'postgres';
import type { DueSegment } from '../domain/calendar.ts';
import type { ClockName } from '../domain/conversation.ts';
import type { Firing } from '../domain/fire.ts';
import type { Timer } from '../domain/timers.ts';
import type { Lane } from './lanes.ts';

/** The clocks' columns, and the condition of each one's partial index, which a query must state to use it. */
export const CLOCK_COLUMNS: Readonly<Record<ClockName, { column: string; condition: string }>> = {
  lastActivityAt: { column: 'last_activity_at', condition: '' },
  awaitingSince: { column: 'awaiting_since', condition: `and status in ('NEW', 'ACTIVE')` },
  statusSince: { column: 'status_since', condition: `and status in ('WAITING', 'INACTIVE')` },
  heldUntil: { column: 'held_until', condition: 'and held_until is not null' },
};

/** A batch of one timer: what it may touch and what it writes. */
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
  limit: number;
  /** A conversation with one of these tags is passed by: its lane does not know yet that they exempt it (PE-7). */
  passedTags: readonly string[];
};

/** A conversation that a batch acted on; `latenessMs` only where it was ended. */
export type Acted = { id: string; revision: number; latenessMs: number | null; dueAt: Date };

/**
 * Lets a timer act on the conversations of its lane that are due, the longest quiet first, passing by those
 * somebody else holds: status, clocks and feed in one statement. It acts on none unless the account's rules
 * version is, in its own snapshot, the one the cutoff was reckoned with.
 */
export async function runBatch(sql: Sql | TransactionSql, batch: Batch): Promise<Acted[]> {
  const { lane, timer, firing } = batch;
  const parameters = [
    lane.accountId,
    lane.id,
    batch.cutoff,
    batch.lower,
    batch.limit,
    batch.rulesVersion,
    batch.now,
    batch.rulesSince,
    batch.segments.map(({ clock }) => clock.toISOString()),
    batch.segments.map(({ due }) => due?.toISOString() ?? null),
    batch.segments.map(({ slope }) => slope),
    timer.kind,
  ];
  const more = firing.facts
    ? [
        batch.targetLaneId,
        firing.facts.status,
        firing.facts.skillId,
        firing.facts.held ? 'true' : 'false',
        firing.facts.stage,
        firing.facts.overflowed ? 'true' : 'false',
      ]
    : [
        timer.action.does === 'END' ? timer.action.reason : null,
        ...(firing.tag === null ? [] : [firing.tag]),
      ];
  const given = [...parameters, ...more];
  const passed = batch.passedTags.length === 0 ? [] : [batch.passedTags];
  const text = statement(timer.clock, firing, passed.length === 0 ? null : given.length + 1);
  const rows = await sql.unsafe(text, [...given, ...passed] as never[], { prepare: true });
  return rows.map((row) => ({
    id: row.id,
    revision: row.revision,
    latenessMs: row.lateness_ms === null ? null : Number(row.lateness_ms),
    dueAt: row.due_at,
  }));
}

/**
 * The statement for a clock and what becomes of the conversation; for EXPLAIN as well as for use. `passedTagsAt`:
 * the number of the parameter with the tags that are passed by; null: none are.
 */
export function statement(clock: ClockName, firing: Firing, passedTagsAt: number | null = null): string {
  const { column, condition } = CLOCK_COLUMNS[clock];
  const acting =
    firing.facts !== null ? moving(firing) : firing.tag === null ? ENDING : `${ENDING}, ${TAGGING}`;
  return `with piece as materialized (
    select clock::timestamptz, due::timestamptz, slope
    from unnest($9::text[], $10::text[], $11::int[]) as pieces (clock, due, slope)
  ), due as materialized (
    select id, ${column} as clock from conversation
    where account_id = $1 and lane_id = $2 and ${column} <= $3 and ${column} >= $4 ${condition}
      ${passedTagsAt === null ? '' : `and not (tags && $${passedTagsAt}::text[])`}
      and exists (select 1 from account where account_id = $1 and rules_version = $6)
    order by ${column} limit $5 for no key update skip locked
  ), reckoned as (
    select id, clock, (
      select piece.due + (due.clock - piece.clock) * piece.slope from piece
      where piece.clock <= due.clock order by piece.clock desc limit 1
    ) as due_at from due
  ), acted as (
    update conversation set ${acting},
      placed_at = $7, revision = conversation.revision + 1
    from reckoned where conversation.account_id = $1 and conversation.id = reckoned.id
    returning conversation.id, conversation.revision, conversation.channel_id, conversation.status, conversation.awaiting, reckoned.due_at,
      conversation.lateness_ms
  ), fed as (
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, effect, status, awaiting, data)
    select $1, id, revision, 'TIMER', $7, $7, 'SYSTEM', channel_id, $12, ${firing.facts === null ? `'ENDED'` : 'null'}, status, awaiting,
      jsonb_build_object('due', to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')${firing.tag === null ? '' : `, 'tag', $14::text`})
    from acted
  )
  select id, revision, due_at, lateness_ms from acted`;
}

/** As `latenessMs` in the domain: from the due instant, the rules version or the placing command, whichever is last. */
const LATENESS = `greatest(0, (extract(epoch from $7::timestamptz - greatest(reckoned.due_at, $8::timestamptz, conversation.placed_at)) * 1000)::bigint)`;

const ENDING = `status = 'ENDED', lane_id = null, ended_at = $7, end_reason = $13, ended_by = 'SYSTEM',
      credited_agent_id = conversation.agent_id, former_status = conversation.status, rules_version = $6, lateness_ms = ${LATENESS}`;

/** The tag of the policy, where the conversation does not have it (PE-3). */
const TAGGING = `tags = case when $14::text = any(conversation.tags) then conversation.tags else conversation.tags || $14::text end`;

function moving(firing: Firing): string {
  const stamps = Object.entries(firing.clocks).map(([name, stamp]) => {
    const { column } = CLOCK_COLUMNS[name as ClockName];
    if (stamp === 'NONE') return `${column} = null`;
    return `${column} = greatest(conversation.${column}, ${stamp === 'NOW' ? '$7' : 'reckoned.clock'})`;
  });
  return [
    'lane_id = $13',
    'status = $14',
    'skill_id = $15',
    'held = $16::text::bool',
    'stage = $17',
    'overflowed = $18::text::bool',
    ...(firing.freesAgent ? ['agent_id = null'] : []),
    ...stamps,
  ].join(', ');
}
