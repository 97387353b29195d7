import type { Sql } from 'postgres';
import { withinBounds } from '../../db/rows/bounded.ts';
import { boundedConversations, CONVERSATION_COLUMNS, conversationOf } from '../../db/rows/conversations.ts';
import {
  type ConversationFilter,
  type ConversationsRead,
  filterConditions,
  RULES_IN_FORCE,
  rulesInForce,
  type Values,
} from '../lists/conversation-filter.ts';
import { RELATED_COLUMNS, RELATED_JOINS, type RelatedRows, relatedRowsOf } from './related-rows.ts';

/** A page of conversations ordered by start, beginning after the id `after` in the direction of the list. */
export type ConversationPage = {
  filter: ConversationFilter;
  direction: 'ASC' | 'DESC';
  after: string | null;
  limit: number;
};

/** Returns a page of conversations. */
export async function readConversationPage(
  sql: Sql,
  accountId: string,
  page: ConversationPage,
): Promise<ConversationsRead & { related?: undefined }> {
  const { text, values } = pageStatement(accountId, page);
  const rows = withinBounds(await sql.unsafe(text, values as never[], { prepare: true }));
  return { conversations: rows.map(conversationOf), rulesVersion: rulesInForce(rows) };
}

/** Returns a page of conversations with the related rows of each, in one statement. */
export async function readConversationPageWithRelated(
  sql: Sql,
  accountId: string,
  page: ConversationPage,
): Promise<ConversationsRead & { related: RelatedRows[] }> {
  const { text, values } = pageStatement(accountId, page);
  const read = await sql.unsafe(
    `select one.*, ${RELATED_COLUMNS} from (${text}) as one ${RELATED_JOINS} order by one.id ${page.direction}`,
    values as never[],
    { prepare: true },
  );
  const rows = withinBounds(read);
  return {
    conversations: rows.map(conversationOf),
    rulesVersion: rulesInForce(rows),
    related: rows.map(relatedRowsOf),
  };
}

function pageStatement(accountId: string, { filter, direction, after, limit }: ConversationPage) {
  const values: Values = [accountId];
  const conditions = ['account_id = $1'];
  if (after !== null) conditions.push(`id ${direction === 'ASC' ? '>' : '<'} $${values.push(after)}`);
  conditions.push(...filterConditions(filter, values));
  const text = `select ${CONVERSATION_COLUMNS}, ${RULES_IN_FORCE} from conversation where ${conditions.join(' and ')}
    order by id ${direction} limit ${limit}`;
  return {
    text: `${boundedConversations(text, ['rules_in_force'])} order by id ${direction}`,
    values,
  };
}
