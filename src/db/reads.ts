import type { Sql } from 'postgres';
import type { Consent } from '../domain/closing.ts';
import type { Event } from '../domain/event.ts';
import type { OpenHours } from '../domain/open-hours.ts';
import { CONVERSATION_COLUMNS, conversationOf, type StoredConversation } from './conversations.ts';
import { eventOfRow } from './events.ts';
import { type ConversationFilter, type ReadTogether, RULES_IN_FORCE, rulesInForce } from './lists.ts';

/** What the API reads: each a single statement, whatever it asks for. */

export type AccountRow = {
  id: string;
  name: string;
  profile: string;
  calendarId: string | null;
  rulesVersion: number;
  rulesSince: Date;
  createdAt: Date;
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
    'select account_id, name, profile, calendar_id, rules_version, rules_since, created_at from account where account_id = $1',
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
  };
}

/** A page of conversations in the order in which they were started, after (or, DESC, before) an id. */
export async function readConversationPage(
  sql: Sql,
  accountId: string,
  filter: ConversationFilter,
  direction: 'ASC' | 'DESC',
  after: string | null,
  limit: number,
): Promise<ReadTogether> {
  const values: (string | number | readonly string[])[] = [accountId];
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
  values.push(limit);
  const rows = await sql.unsafe(
    `select ${CONVERSATION_COLUMNS}, ${RULES_IN_FORCE} from conversation where ${conditions.join(' and ')}
     order by id ${direction} limit $${values.length}`,
    values as string[],
    { prepare: true },
  );
  return { conversations: rows.map(conversationOf), rulesVersion: rulesInForce(rows) };
}

/** Conversations by id, in no order. */
export async function readConversations(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<StoredConversation[]> {
  const rows = await sql.unsafe(
    `select ${CONVERSATION_COLUMNS} from conversation where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
  return rows.map(conversationOf);
}

/** What an end shows to a customer goes by: of the contact, and of its channel. */
export type ClosingFacts = {
  contactId: string;
  channelId: string;
  clientVersion: string | null;
  locale: string | null;
  consent: Consent;
  adapterId: string;
  /** As they are stored. */
  settings: object;
};

/** The same of contacts, in their order, each with an agent where one is named; those on one channel share its settings. */
export async function readClosingFacts(
  sql: Sql,
  accountId: string,
  asked: readonly { contactId: string; agentId: string | null }[],
): Promise<{ facts: ClosingFacts | null; agent: AgentRow | null }[]> {
  const rows = await sql.unsafe<(ClosingFacts & AgentRow & { place: string; agentId: string | null })[]>(
    `select place, contact.id as "contactId", contact.channel_id as "channelId", client_version as "clientVersion", locale,
       coalesce(consent, 'UNKNOWN') as consent, adapter as "adapterId", settings,
       agent.id as "agentId", agent.name, agent.kind, online, capacity, subject
     from unnest($2::uuid[], $3::uuid[]) with ordinality as asked (contact_id, agent_id, place)
     join contact on contact.account_id = $1 and contact.id = asked.contact_id
     join channel on channel.account_id = $1 and channel.id = contact.channel_id
     left join agent on agent.account_id = $1 and agent.id = asked.agent_id`,
    [accountId, asked.map(({ contactId }) => contactId), asked.map(({ agentId }) => agentId)],
    { prepare: true },
  );
  const settingsOf = new Map(rows.map(({ channelId, settings }) => [channelId, settings]));
  const read: { facts: ClosingFacts | null; agent: AgentRow | null }[] = asked.map(() => NOT_FOUND);
  for (const { place, agentId, name, kind, online, capacity, subject, ...row } of rows)
    read[Number(place) - 1] = {
      facts: { ...row, settings: settingsOf.get(row.channelId) ?? row.settings },
      agent: agentId === null ? null : { id: agentId, name, kind, online, capacity, subject },
    };
  return read;
}
const NOT_FOUND = { facts: null, agent: null };

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
  const rows = await sql.unsafe(
    `select place, event.* from unnest($2::uuid[], $3::int[], $4::int[]) with ordinality as asked (conversation_id, after, count, place)
     cross join lateral (
       select * from event where event.account_id = $1 and event.conversation_id = asked.conversation_id and event.revision > asked.after
       order by event.revision limit asked.count
     ) as event
     order by place, event.revision`,
    [
      accountId,
      ranges.map((range) => range.conversationId),
      ranges.map((range) => range.after),
      ranges.map((range) => range.limit),
    ],
    { prepare: true },
  );
  const feeds: Event[][] = ranges.map(() => []);
  for (const row of rows) feeds[Number(row.place) - 1]?.push(eventOfRow(row));
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

/** When the customer last wrote in conversations or in the one before each; those where never are left out. */
export async function readLastInbound(
  sql: Sql,
  accountId: string,
  ids: readonly string[],
): Promise<{ id: string; at: Date }[]> {
  return await sql.unsafe<{ id: string; at: Date }[]>(
    `select conversation.id, max(inbound.at) as at from conversation
     cross join lateral unnest(array[conversation.id, conversation.previous_id]) as one (id)
     cross join lateral (
       select at from event where event.account_id = $1 and event.conversation_id = one.id and kind = 'INBOUND'
       order by revision desc limit 1
     ) as inbound
     where conversation.account_id = $1 and conversation.id = any($2::uuid[])
     group by conversation.id`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}
