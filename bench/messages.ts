import type { Action } from '../src/domain/conversation/activity.ts';
import { type Awaiting, laneKey, type OpenStatus } from '../src/domain/conversation/conversation.ts';
import type { Activity } from '../src/engine.ts';
import { seededRandom } from './measure.ts';
import { factsOf, QUIET_MS } from './seed.ts';
import type { Stage } from './stage.ts';

/** A message that somebody writes on a conversation, and what has to become of that. */
export type Message = {
  conversationId: string;
  channelId: string;
  address: string;
  messageId: string;
  kind: 'INBOUND' | 'OUTBOUND';
  agentId: string | null;
  after: Standing & { laneId: string };
};

/** The share of the conversations that is written on: those last active. */
const LIVELY = 0.4;

/** Sources opened so far: no two give a message the same id. */
let sources = 0;

type Standing = { status: OpenStatus; awaiting: Awaiting; agentId: string | null };
type Known = Standing & { id: string; channelId: string; skillId: string; address: string };

/**
 * An endless source of messages, from customers and agents at random, on the livelier conversations of the big
 * account in turn, in no order of time or lane. The quiet ones stay so, for the scenarios that close them.
 */
export async function messageSource({ admin, big, engine }: Stage): Promise<(count: number) => Message[]> {
  const known = await admin<Known[]>`
    select conversation.id, conversation.channel_id as "channelId", skill_id as "skillId", status, awaiting, agent_id as "agentId", address
    from conversation join contact on contact.account_id = conversation.account_id and contact.id = contact_id
    where conversation.account_id = ${big.accountId} and status <> 'ENDED'
      and last_activity_at > ${engine.clock.now()}::timestamptz - ${QUIET_MS * LIVELY} * interval '1 millisecond'
    order by md5(conversation.id::text)`;
  const laneIds = new Map(big.lanes.map(({ id, facts }) => [laneKey(facts), id]));
  const random = seededRandom(2);
  const source = ++sources;
  let made = 0;

  function next(): Message {
    const conversation = known[made % known.length] as Known;
    const { id, channelId, skillId, address } = conversation;
    const someAgent = big.agentIds[made % big.agentIds.length] as string;
    // An agent's message to an INACTIVE conversation is an error on the web.
    const isInbound = conversation.status === 'INACTIVE' || random() < 0.5;
    const standing = isInbound ? afterInbound(conversation) : afterOutbound(conversation, someAgent);
    Object.assign(conversation, standing);
    const laneId = laneIds.get(laneKey(factsOf(channelId, skillId, standing)));
    if (laneId === undefined) throw new Error(`no lane for ${standing.status} ${standing.awaiting}`);
    return {
      conversationId: id,
      channelId,
      address,
      messageId: `bench ${source} ${++made}`,
      kind: isInbound ? 'INBOUND' : 'OUTBOUND',
      agentId: isInbound ? null : (standing.agentId ?? someAgent),
      after: { ...standing, laneId },
    };
  }

  return (count) => Array.from({ length: count }, next);
}

/** What the table of transitions makes of it. */
function afterInbound({ status, agentId }: Standing): Standing {
  const next = status === 'NEW' && agentId !== null ? 'ACTIVE' : status === 'ACTIVE' ? 'ACTIVE' : 'WAITING';
  return { status: next, awaiting: 'AGENT', agentId };
}

function afterOutbound({ status, agentId }: Standing, someAgent: string): Standing {
  return status === 'NEW'
    ? { status, awaiting: 'CONSUMER', agentId }
    : { status: 'ACTIVE', awaiting: 'CONSUMER', agentId: agentId ?? someAgent };
}

/** The message as the engine takes it. */
export function activityOf({ channelId, address, messageId, kind, agentId }: Message): Activity {
  const action: Action =
    kind === 'INBOUND' ? { kind } : { kind, sender: 'AGENT', ...(agentId === null ? {} : { agentId }) };
  return { target: { channelId, address }, action, messageId };
}
