import postgres from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import type { Lane } from '../seed.ts';
import type { Stage } from '../stage.ts';

const BATCH = 500;
/** As many as the engine wakes lanes at a time. */
const AT_ONCE = 4;

const CLOSE = `
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
      '{"due":"2026-01-01T00:00:00.000Z"}'
    from ended
  )
  select count(*)::int as ended, max(last_activity_at) as newest from ended`;

/**
 * The floor: plain SQL that writes what the engine writes for a close, in batches, without rules, lateness,
 * alarms or a queue. Ends everyone last active up to the cutoff, and answers how many.
 */
export async function closeByPlainSql({ engine, big }: Stage, cutoff: Date): Promise<number> {
  const sql = postgres({ ...postgresOptions(engine.db.address), max: AT_ONCE, onnotice: () => {} });
  const waiting = [...big.lanes];
  let total = 0;
  const closeLane = async ({ id }: Lane) => {
    for (let from = new Date(0); ; ) {
      const [done] = await sql.unsafe(CLOSE, [big.accountId, id, from, cutoff, engine.clock.now()], {
        prepare: true,
      });
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
