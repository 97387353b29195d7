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

/** Conversations with the account's rules version of the same snapshot; 0 if there are none. */
export type ConversationsRead = { conversations: StoredConversation[]; rulesVersion: number };

/** A column for the rules version; the statement's first parameter is the account. */
export const RULES_IN_FORCE = '(select rules_version from account where account_id = $1) as rules_in_force';

export function rulesInForce(rows: readonly Record<string, unknown>[]): number {
  return Number(rows[0]?.rules_in_force ?? 0);
}
