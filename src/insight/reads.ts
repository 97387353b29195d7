import type { Sql } from 'postgres';
import { withinBounds } from '../db/rows/bounded.ts';
import {
  boundedConversations,
  CONVERSATION_COLUMNS,
  conversationOf,
  type StoredConversation,
} from '../db/rows/conversations.ts';
import { boundedEvents, eventOfRow } from '../db/rows/events.ts';
import type { Consent } from '../domain/closing/closing.ts';
import type { Event } from '../domain/conversation/event.ts';
import type { OpenHours } from '../domain/time/open-hours.ts';
import {
  type ConversationFilter,
  type ReadTogether,
  RULES_IN_FORCE,
  rulesInForce,
} from './lists/lane-pages.ts';

/** What the API reads: each a single statement, whatever it asks for. */

export type AccountRow = {
  id: string;
  name: string;
  profile: string;
  calendarId: string | null;
  rulesVersion: number;
  rulesSince: Date;
  createdAt: Date;
  keysOutliveMaker: boolean;
};
/** A channel, a skill, an agent or a calendar, as far as a name goes. */
export type NamedRow = { id: string; name: string };
export type AgentRow = NamedRow & {
  kind: 'HUMAN' | 'BOT';
  online: boolean;
  capacity: number | null;
  subject: string | null;
};
export type ChannelRow = NamedRow & { adapterId: string; calendarId: string | null };
export type CalendarRow = NamedRow & { hours: OpenHours };
export type ContactRow = {
  id: string;
  channelId: string;
  address: string | null;
  clientVersion: string | null;
  locale: string | null;
  consent: Consent;
};

/** An account, with the version of its rules as of now; null where there is none. */
export async function readAccount(sql: Sql, accountId: string): Promise<AccountRow | null> {
  const [row] = await sql.unsafe(
    'select account_id, name, profile, calendar_id, rules_version, rules_since, created_at, keys_outlive_maker from account where account_id = $1',
    [accountId],
    { prepare: true },
  );
  if (!row) return null;
  return {
    id: row.account_id,
    name: row.name,
    profile: row.profile,
    calendarId: row.calendar_id,
    rulesVersion: Number(row.rules_version),
    rulesSince: row.rules_since,
    createdAt: row.created_at,
    keysOutliveMaker: row.keys_outlive_maker,
  };
}

/** What is shown of others with a conversation: what an end shows to its contact goes by, and its agent. */
export type RelatedRows = { contact: ContactFacts | null; agent: AgentRow | null };
/** What of a contact its closing goes by. */
export type ContactFacts = Pick<ContactRow, 'clientVersion' | 'locale' | 'consent'>;

const BESIDE_COLUMNS = `contact.id as of_contact, contact.client_version, contact.locale,
  coalesce(contact.consent, 'UNKNOWN') as consent,
  agent.id as of_agent, agent.name, agent.kind, agent.online, agent.capacity, agent.subject`;
const BESIDE_JOINS = `left join contact on contact.account_id = $1 and contact.id = one.contact_id
  left join agent on agent.account_id = $1 and agent.id = one.agent_id`;

function besideOf(row: Record<string, unknown>): RelatedRows {
  const { of_agent: id, name, kind, online, capacity, subject } = row;
  const { of_contact, client_version: clientVersion, locale, consent } = row;
  return {
    contact: of_contact === null ? null : ({ clientVersion, locale, consent } as ContactFacts),
    agent: id === null ? null : ({ id, name, kind, online, capacity, subject } as AgentRow),
  };
}

/** A page of conversations in the order in which they were started, after (or, DESC, before) an id. */
export type ConversationPage = {
  filter: ConversationFilter;
  direction: 'ASC' | 'DESC';
  after: string | null;
  limit: number;
};

/** Reads a page. */
export async function readConversationPage(
  sql: Sql,
  accountId: string,
  page: ConversationPage,
): Promise<ReadTogether & { beside?: undefined }> {
  const { text, values } = pageStatement(accountId, page);
  const rows = withinBounds(await sql.unsafe(text, values as string[], { prepare: true }));
  return { conversations: rows.map(conversationOf), rulesVersion: rulesInForce(rows) };
}

/** Reads a page, and with it, in its order, what is shown beside its conversations. */
export async function readConversationPageWithRelated(
  sql: Sql,
  accountId: string,
  page: ConversationPage,
): Promise<ReadTogether & { beside: RelatedRows[] }> {
  const { text, values } = pageStatement(accountId, page);
  const read = await sql.unsafe(
    `select one.*, ${BESIDE_COLUMNS} from (${text}) as one ${BESIDE_JOINS} order by one.id ${page.direction}`,
    values as string[],
    { prepare: true },
  );
  const rows = withinBounds(read);
  return {
    conversations: rows.map(conversationOf),
    rulesVersion: rulesInForce(rows),
    beside: rows.map(besideOf),
  };
}

function pageStatement(accountId: string, { filter, direction, after, limit }: ConversationPage) {
  const values: (string | readonly string[])[] = [accountId];
  const conditions = ['account_id = $1'];
  const add = (
    value: string | readonly string[] | null | undefined,
    condition: (place: string) => string,
  ) => {
    if (value === null || value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(after, (place) => (direction === 'ASC' ? `id > ${place}` : `id < ${place}`));
  add(filter.statuses, (place) => `status = any(${place}::text[])`);
  add(filter.awaiting, (place) => `awaiting = ${place}`);
  add(filter.channelId, (place) => `channel_id = ${place}`);
  add(filter.skillId, (place) => `skill_id = ${place}`);
  add(filter.agentId, (place) => `agent_id = ${place}`);
  add(filter.tag, (place) => `${place} = any(tags)`);
  const text = `select ${CONVERSATION_COLUMNS}, ${RULES_IN_FORCE} from conversation where ${conditions.join(' and ')}
    order by id ${direction} limit ${limit}`;
  return {
    text: `${boundedConversations(text, ['rules_in_force'])} order by id ${direction}`,
    values,
  };
}

/** Conversations by id, in no order. */
export async function readConversations(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<StoredConversation[]> {
  const rows = await sql.unsafe(
    boundedConversations(
      `select ${CONVERSATION_COLUMNS} from conversation where account_id = $1 and id = any($2::uuid[])`,
    ),
    [accountId, ids as string[]],
    { prepare: true },
  );
  return withinBounds(rows).map(conversationOf);
}

/** What is shown of others beside conversations, in their order. */
export async function readRelatedRows(
  sql: Sql,
  accountId: string,
  conversations: readonly { contactId: string; agentId: string | null }[],
): Promise<RelatedRows[]> {
  const rows = await sql.unsafe(
    `select ${BESIDE_COLUMNS}
     from unnest($2::uuid[], $3::uuid[]) with ordinality as one (contact_id, agent_id, place) ${BESIDE_JOINS}
     order by place`,
    [accountId, conversations.map(({ contactId }) => contactId), conversations.map(({ agentId }) => agentId)],
    { prepare: true },
  );
  return rows.map(besideOf);
}

/** Contacts by id, in no order. */
export async function readContacts(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<ContactRow[]> {
  const rows = await sql.unsafe(
    `select id, channel_id as "channelId", address, client_version as "clientVersion", locale,
       coalesce(consent, 'UNKNOWN') as consent
     from contact where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows as unknown as ContactRow[];
}

/** The tables whose rows have a name that is unique in their account, and what a row of each holds. */
export type NamedRows = { agent: AgentRow; channel: ChannelRow; skill: NamedRow; calendar: CalendarRow };
export type NamedTable = keyof NamedRows;
const NAMED_COLUMNS: Readonly<Record<NamedTable, string>> = {
  agent: 'id, name, kind, online, capacity, subject',
  channel: 'id, name, adapter as "adapterId", calendar_id as "calendarId"',
  skill: 'id, name',
  calendar: 'id, name, hours',
};

/** Agents, channels, skills or calendars by id, in no order. */
export async function readNamed<Table extends NamedTable>(
  sql: Sql,
  table: Table,
  accountId: string,
  ids: readonly string[],
): Promise<NamedRows[Table][]> {
  return await sql.unsafe<NamedRows[Table][]>(
    `select ${NAMED_COLUMNS[table]} from ${table} where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** A page of them in the order of their names: those after a name. */
export async function readNamedPage<Table extends NamedTable>(
  sql: Sql,
  table: Table,
  accountId: string,
  after: string | null,
  limit: number,
): Promise<NamedRows[Table][]> {
  return await sql.unsafe<NamedRows[Table][]>(
    `select ${NAMED_COLUMNS[table]} from ${table} where account_id = $1 and ($2::text is null or name > $2) order by name limit $3`,
    [accountId, after, limit],
    { prepare: true },
  );
}

/** Part of a conversation's feed: the first `limit` events after a revision. */
export type FeedRange = { conversationId: string; after: number; limit: number };

/** Parts of any number of feeds, in the order in which they were asked for. */
export async function readFeeds(
  sql: Sql,
  accountId: string,
  ranges: readonly FeedRange[],
): Promise<Event[][]> {
  const read = `select place, event.* from unnest($2::uuid[], $3::int[], $4::int[]) with ordinality as asked (conversation_id, after, count, place)
     cross join lateral (
       select * from event where event.account_id = $1 and event.conversation_id = asked.conversation_id and event.revision > asked.after
       order by event.revision limit asked.count
     ) as event`;
  const rows = await sql.unsafe(
    `${boundedEvents(read, ['place'])} order by place, revision`,
    [
      accountId,
      ranges.map((range) => range.conversationId),
      ranges.map((range) => range.after),
      ranges.map((range) => range.limit),
    ],
    { prepare: true },
  );
  const feeds: Event[][] = ranges.map(() => []);
  for (const row of withinBounds(rows)) feeds[Number(row.place) - 1]?.push(eventOfRow(row));
  return feeds;
}

/** The settings of channels by id, as they are stored, in no order. */
export async function readChannelSettings(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<{ id: string; adapterId: string; settings: object }[]> {
  return await sql.unsafe<{ id: string; adapterId: string; settings: object }[]>(
    `select id, adapter as "adapterId", settings from channel where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}
