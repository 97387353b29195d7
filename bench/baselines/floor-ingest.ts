import postgres from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import type { Message } from '../messages.ts';
import type { Stage } from '../stage.ts';

const WRITES = `
  update conversation set lane_id = message.lane_id, status = message.status, awaiting = message.awaiting, agent_id = message.agent_id,
    last_activity_at = $2, newest_at = $2, placed_at = $2, revision = conversation.revision + 1,
    status_since = case when conversation.status = message.status then status_since else $2 end,
    awaiting_since = case when message.awaiting = 'AGENT' then null when conversation.awaiting = 'AGENT' then $2 else awaiting_since end
  from message
  where conversation.account_id = $1 and conversation.id = message.id and not exists (
    select from event where event.account_id = $1 and event.channel_id = message.channel_id and event.message_id = message.message_id
  )
  returning conversation.id, conversation.revision, message.channel_id, message.message_id, message.kind, message.actor_id,
    message.status, message.awaiting`;

const WRITE = `
  with message as materialized (
    select * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::uuid[])
      as message (id, channel_id, message_id, kind, actor_id, lane_id, status, awaiting, agent_id)
  ), written as (${WRITES})
  insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, agent_id, channel_id, message_id, status, awaiting)
  select $1, id, revision, kind, $2, $2, case kind when 'INBOUND' then 'CONSUMER' else 'AGENT' end, actor_id, channel_id, message_id, status, awaiting
  from written`;

/**
 * The floor: plain SQL that writes what the engine writes for a message (dedupe, conversation, lane change,
 * event), one autocommitted statement a call, for callers who know the conversation and what is to become of it.
 */
export function openFloor({ engine, big }: Stage, connections: number) {
  const sql = postgres({ ...postgresOptions(engine.db.address), max: connections, onnotice: () => {} });
  return {
    async write(messages: readonly Message[]): Promise<number> {
      const { count } = await sql.unsafe(
        WRITE,
        [
          big.accountId,
          engine.clock.now(),
          messages.map((each) => each.conversationId),
          messages.map((each) => each.channelId),
          messages.map((each) => each.messageId),
          messages.map((each) => each.kind),
          messages.map((each) => each.agentId),
          messages.map((each) => each.after.laneId),
          messages.map((each) => each.after.status),
          messages.map((each) => each.after.awaiting),
          messages.map((each) => each.after.agentId),
        ] as never[],
        { prepare: true },
      );
      if (count !== messages.length) throw new Error(`the floor wrote ${count} of ${messages.length}`);
      return messages.length;
    },
    close: () => sql.end(),
  };
}
