import postgres from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import type { Lane } from '../seed.ts';
import type { Stage } from '../stage.ts';
import type { Subscriber } from '../subscriber.ts';

const BATCH = 500;
/** As many as the engine wakes lanes at a time. */
const AT_ONCE = 4;

/** What a subscriber is owed for each; ids come from the server, which is the quickest. */
const OWED = `, owed as (
    insert into outbox (account_id, id, kind, conversation_id, revision, endpoint_id, channel_id, payload, state, attempts, due_at, created_at)
    select $1, uuidv7(), 'SEND_WEBHOOK', id, revision, $6, channel_id, $7::jsonb, 'PENDING', 0, $5, $5 from ended
  )`;

const close = (owed: string) => `
  with due as materialized (
    select id, last_activity_at from conversation
    where account_id = $1 and lane_id = $2 and last_activity_at >= $3 and last_activity_at <= $4
    order by last_activity_at limit ${BATCH} for no key update skip locked
  ), ended as (
    update conversation set status = 'ENDED', lane_id = null, ended_at = $5, end_reason = 'AUTO_CLOSE', ended_by = 'SYSTEM',
      credited_agent_id = agent_id, former_status = status, rules_version = 1, lateness_ms = 0, placed_at = $5, revision = revision + 1
    from due where conversation.account_id = $1 and conversation.id = due.id
    returning conversation.id, revision, channel_id, status, awaiting, due.last_activity_at
  ), fed as (
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, effect, status, awaiting, data)
    select $1, id, revision, 'TIMER', $5, $5, 'SYSTEM', channel_id, 'AUTO_CLOSE', 'ENDED', status, awaiting,
      '{"due":"2026-01-01T00:00:00.000Z"}'::jsonb
    from ended
  )${owed}
  select count(*)::int as ended, max(last_activity_at) as newest from ended`;

/**
 * The floor: plain SQL that writes what the engine writes for a close, in batches, without rules, lateness,
 * alarms or a queue. Ends everyone last active up to the cutoff, and answers how many. `subscriber`: who is owed a
 * webhook for each; null: nobody.
 */
export async function closeByPlainSql(
  { engine, big }: Stage,
  cutoff: Date,
  subscriber: Subscriber | null,
): Promise<number> {
  const sql = postgres({ ...postgresOptions(engine.db.address), max: AT_ONCE, onnotice: () => {} });
  const text = close(subscriber ? OWED : '');
  const waiting = [...big.lanes];
  let total = 0;
  const closeLane = async ({ id }: Lane) => {
    for (let from = new Date(0); ; ) {
      const now = engine.clock.now();
      const owed = subscriber
        ? [subscriber.endpointId, { type: 'conversation.ended', at: now.toISOString() }]
        : [];
      const given = [big.accountId, id, from, cutoff, now, ...owed];
      const [done] = await sql.unsafe(text, given as never[], { prepare: true });
      total += done?.ended;
      if (done?.ended < BATCH) return;
      from = done?.newest;
    }
  };
  try {
    const lines = Array.from({ length: AT_ONCE }, async () => {
      for (let lane = waiting.pop(); lane; lane = waiting.pop()) await closeLane(lane);
    });
    await Promise.all(lines);
    return total;
  } finally {
    await sql.end();
  }
}
