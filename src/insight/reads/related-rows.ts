import type { Sql } from 'postgres';
import type { ContactRow } from './contacts.ts';
import type { AgentRow } from './named.ts';

/** The contact and agent fields that the API shows with a conversation. */
export type RelatedRows = { contact: ContactFacts | null; agent: AgentRow | null };
/** The contact fields needed to render a closing. */
export type ContactFacts = Pick<ContactRow, 'clientVersion' | 'locale' | 'consent'>;

export const RELATED_COLUMNS = `contact.id as of_contact, contact.client_version, contact.locale,
  coalesce(contact.consent, 'UNKNOWN') as consent,
  agent.id as of_agent, agent.name, agent.kind, agent.online, agent.capacity, agent.subject`;
export const RELATED_JOINS = `left join contact on contact.account_id = $1 and contact.id = one.contact_id
  left join agent on agent.account_id = $1 and agent.id = one.agent_id`;

export function relatedRowsOf(row: Record<string, unknown>): RelatedRows {
  const { of_agent: id, name, kind, online, capacity, subject } = row;
  const { of_contact, client_version: clientVersion, locale, consent } = row;
  return {
    contact: of_contact === null ? null : ({ clientVersion, locale, consent } as ContactFacts),
    agent: id === null ? null : ({ id, name, kind, online, capacity, subject } as AgentRow),
  };
}

/** Returns the related rows of each conversation, in the order of the conversations. */
export async function readRelatedRows(
  sql: Sql,
  accountId: string,
  conversations: readonly { contactId: string; agentId: string | null }[],
): Promise<RelatedRows[]> {
  const rows = await sql.unsafe(
    `select ${RELATED_COLUMNS}
     from unnest($2::uuid[], $3::uuid[]) with ordinality as one (contact_id, agent_id, place) ${RELATED_JOINS}
     order by place`,
    [accountId, conversations.map(({ contactId }) => contactId), conversations.map(({ agentId }) => agentId)],
    { prepare: true },
  );
  return rows.map(relatedRowsOf);
}
