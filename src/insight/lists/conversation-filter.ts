import type { StoredConversation } from '../../db/rows/conversations.ts';
import type { Awaiting, Status } from '../../domain/conversation/conversation.ts';

/** A filter of conversations; an absent field matches all. */
export type ConversationFilter = {
  statuses?: readonly Status[];
  awaiting?: Awaiting;
  channelId?: string;
  skillId?: string;
  agentId?: string;
  tag?: string;
  /** The address of the contact, exactly; without `channelId`, on any channel. */
  address?: string;
};

/** Parameters of a statement. */
export type Values = (string | number | Date | readonly unknown[])[];

/** Returns the SQL conditions of a filter and appends their parameters to `values`. */
export function filterConditions(
  filter: { [Field in keyof ConversationFilter]: ConversationFilter[Field] | undefined },
  values: Values,
): string[] {
  const conditions: string[] = [];
  const add = (value: string | readonly string[] | undefined, condition: (place: string) => string) => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  add(filter.statuses, (place) => `status = any(${place}::text[])`);
  add(filter.awaiting, (place) => `awaiting = ${place}`);
  add(filter.channelId, (place) => `channel_id = ${place}`);
  add(filter.skillId, (place) => `skill_id = ${place}`);
  add(filter.agentId, (place) => `agent_id = ${place}`);
  add(filter.tag, (place) => `${place} = any(tags)`);
  return conditions;
}

/** One conversation for each row before it, looked up by an index: `limit 1` rules out any other plan. */
const one = (condition: string) =>
  `cross join lateral (select * from conversation where account_id = $1 and ${condition} limit 1) as conversation`;

/** The newest conversations of a contact that a list by address reads. */
const MAX_OF_CONTACT = 1_000;

/**
 * The contacts with an address, at most one on each channel, as a FROM item. `limit 1` makes Postgres look each of them up
 * by key, however many contacts there are. The statement's first parameter is the account.
 */
function contactsAt(
  { address, channelId }: ConversationFilter & { address: string },
  values: Values,
): string {
  const place = `$${values.push(address)}`;
  const onChannel = channelId === undefined ? '' : `and channel.id = $${values.push(channelId)}`;
  return `channel cross join lateral (
      select id, latest_conversation_id from contact
      where account_id = $1 and channel_id = channel.id and address = ${place} limit 1
    ) as found where channel.account_id = $1 ${onChannel}`;
}

/**
 * The table that a filter reads. No index leads from a contact to its ended conversations, because every message would
 * pay for it. So a filter by address goes back from the latest conversation of each contact to the previous ones.
 */
export function conversationsOf(filter: ConversationFilter, values: Values): string {
  const { address } = filter;
  if (address === undefined) return 'conversation';
  const byKey = (id: string) => one(`id = ${id}`);
  return `(
    with recursive latest as (select found.latest_conversation_id as id from ${contactsAt({ ...filter, address }, values)}),
    own as (
      select conversation.*, 1 as depth from latest ${byKey('latest.id')}
      union all
      select conversation.*, own.depth + 1 from own ${byKey('own.previous_id')} where own.depth < ${MAX_OF_CONTACT}
    ) select * from own
  ) as conversation`;
}

/** Conversations with the account's rules version of the same snapshot; 0 if there are none. */
export type ConversationsRead = { conversations: StoredConversation[]; rulesVersion: number };

/** A column for the rules version; the statement's first parameter is the account. */
export const RULES_IN_FORCE = '(select rules_version from account where account_id = $1) as rules_in_force';

export function rulesInForce(rows: readonly Record<string, unknown>[]): number {
  return Number(rows[0]?.rules_in_force ?? 0);
}

/** The table that a filter of open conversations reads. A contact has at most one, which an index finds. */
export function openConversationsOf(filter: ConversationFilter, values: Values): string {
  const { address } = filter;
  if (address === undefined) return 'conversation';
  return `(
    select conversation.* from (select found.id as contact_id from ${contactsAt({ ...filter, address }, values)}) as contact
    ${one(`contact_id = contact.contact_id and status <> 'ENDED'`)}
  ) as conversation`;
}
