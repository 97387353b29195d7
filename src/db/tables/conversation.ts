import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { EndedBy, EndReason } from '../../domain/closing/closing.ts';
import type { Awaiting, OpenStatus, Starter, Status } from '../../domain/conversation/conversation.ts';
import type { Actor, Effect, EventKind } from '../../domain/conversation/event.ts';
import type { TimerKind } from '../../domain/policy/channel-rules.ts';
import { agent, channel, instant, ofAccount, refersTo, skill } from './account.ts';

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/** A customer at an address of a channel. A transaction locks the contact before it writes one of its conversations. */
export const contact = pgTable(
  'contact',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    channelId: uuid('channel_id').notNull(),
    /** The contact's id on the channel, such as a phone number; null once erased (PE-15). */
    address: text('address'),
    clientVersion: text('client_version'),
    locale: text('locale'),
    /** Null: the customer gave and withdrew none (SF-11). */
    consent: text('consent').$type<'OPTED_IN' | 'OPTED_OUT'>(),
    consentAt: instant('consent_at'),
    latestConversationId: uuid('latest_conversation_id'),
    erasedAt: instant('erased_at'),
    /** When an earlier contact of this address was erased: messages sent before that are dropped. Null: never, or long ago. */
    erasedBefore: instant('erased_before'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('contact_address').on(table.accountId, table.channelId, table.address),
    index('contact_erased_before').on(table.erasedBefore).where(sql`${table.erasedBefore} is not null`),
    refersTo(table, table.channelId, channel),
  ],
);

/** A keyed hash of an erased address or message id (PE-15), which recognises it while providers still repeat their calls. */
export const erasedIdentifier = pgTable(
  'erased_identifier',
  {
    accountId: ofAccount(),
    hash: text('hash').notNull(),
    erasedAt: instant('erased_at').notNull(),
    /** OPTED_OUT of an erased customer is kept for good; null: there is none to keep. */
    consent: text('consent').$type<'OPTED_OUT'>(),
    consentAt: instant('consent_at'),
    /** Until when echoes to the address are dropped: a message was being sent during the erasure. Null: none was. */
    echoesUntil: instant('echoes_until'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.hash] }),
    index('erased_identifier_old').on(table.erasedAt).where(sql`${table.consent} is null`),
  ],
);

/** The consents that customers gave and withdrew, append-only (PE-12); `contact` has the newest. */
export const consentChange = pgTable(
  'consent_change',
  {
    accountId: uuid('account_id').notNull(),
    contactId: uuid('contact_id').notNull(),
    id: uuid('id').notNull(),
    consent: text('consent').$type<'OPTED_IN' | 'OPTED_OUT'>().notNull(),
    source: text('source').$type<'KEYWORD' | 'PROVIDER' | 'COMMAND'>().notNull(),
    at: instant('at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    /** The conversation in which the customer said it; null: outside of any. */
    conversationId: uuid('conversation_id'),
    agentId: uuid('agent_id'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.contactId, table.id] }),
    refersTo(table, table.contactId, contact),
  ],
);

/**
 * A conversation: facts and clocks, no deadline. Every message pays for each index, so there are no more than these.
 * `lane_id` has no foreign key, which would starve the wake of a busy lane. Null: ended, or set aside.
 */
export const conversation = pgTable(
  'conversation',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    contactId: uuid('contact_id').notNull(),
    channelId: uuid('channel_id').notNull(),
    skillId: uuid('skill_id'),
    laneId: uuid('lane_id'),
    status: text('status').$type<Status>().notNull(),
    awaiting: text('awaiting').$type<Awaiting>().notNull(),
    agentId: uuid('agent_id'),
    caseStatus: text('case_status'),
    held: boolean('held').notNull(),
    heldUntil: instant('held_until'),
    manualResponseAt: instant('manual_response_at'),
    tags: text('tags').array().notNull(),
    stage: smallint('stage').notNull(),
    overflowed: boolean('overflowed').notNull(),
    startedBy: text('started_by').$type<Starter>().notNull(),
    startedAt: instant('started_at').notNull(),
    lastActivityAt: instant('last_activity_at').notNull(),
    awaitingSince: instant('awaiting_since'),
    statusSince: instant('status_since').notNull(),
    newestAt: instant('newest_at').notNull(),
    placedAt: instant('placed_at').notNull(),
    endedAt: instant('ended_at'),
    endReason: text('end_reason').$type<EndReason>(),
    endedBy: text('ended_by').$type<EndedBy>(),
    creditedAgentId: uuid('credited_agent_id'),
    formerStatus: text('former_status').$type<OpenStatus>(),
    rulesVersion: bigint('rules_version', { mode: 'number' }),
    latenessMs: bigint('lateness_ms', { mode: 'number' }),
    previousId: uuid('previous_id'),
    revision: integer('revision').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    refersTo(table, table.contactId, contact),
    refersTo(table, table.skillId, skill),
    refersTo(table, table.agentId, agent),
    uniqueIndex('conversation_open_contact')
      .on(table.accountId, table.contactId)
      .where(sql`${table.status} <> 'ENDED'`),
    index('conversation_open_agent')
      .on(table.accountId, table.agentId)
      .where(sql`${table.status} <> 'ENDED'`),
    index('conversation_last_activity')
      .on(table.laneId, table.lastActivityAt)
      .where(sql`${table.laneId} is not null`),
    index('conversation_awaiting')
      .on(table.laneId, table.awaitingSince)
      .where(sql`${table.laneId} is not null and ${table.status} in ('NEW', 'ACTIVE')`),
    index('conversation_status')
      .on(table.laneId, table.statusSince)
      .where(sql`${table.laneId} is not null and ${table.status} in ('WAITING', 'INACTIVE')`),
    index('conversation_held')
      .on(table.laneId, table.heldUntil)
      .where(sql`${table.laneId} is not null and ${table.heldUntil} is not null`),
  ],
);

/** The feed, append-only: events, numbered within their conversation. */
export const event = pgTable(
  'event',
  {
    accountId: uuid('account_id').notNull(),
    conversationId: uuid('conversation_id').notNull(),
    revision: integer('revision').notNull(),
    kind: text('kind').$type<EventKind>().notNull(),
    at: instant('at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    actor: text('actor').$type<Actor>().notNull(),
    agentId: uuid('agent_id'),
    channelId: uuid('channel_id').notNull(),
    messageId: text('message_id'),
    timer: text('timer').$type<TimerKind>(),
    effect: text('effect').$type<Effect>(),
    status: text('status').$type<Status>().notNull(),
    awaiting: text('awaiting').$type<Awaiting>().notNull(),
    data: jsonb('data').$type<Readonly<Record<string, unknown>>>(),
    /** The transaction that wrote it; the account's feed is ordered by it. */
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.conversationId, table.revision] }),
    index('event_feed').on(table.accountId, table.xid),
    uniqueIndex('event_message')
      .on(table.accountId, table.channelId, table.messageId)
      .where(sql`${table.messageId} is not null`),
  ],
);

/** A lane: the open conversations that agree on every fact a policy can select on. Lanes are never deleted. */
export const lane = pgTable(
  'lane',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    channelId: uuid('channel_id').notNull(),
    skillId: uuid('skill_id'),
    status: text('status').$type<OpenStatus>().notNull(),
    awaiting: text('awaiting').$type<Awaiting>().notNull(),
    caseStatus: text('case_status'),
    held: boolean('held').notNull(),
    manualResponseTime: boolean('manual_response_time').notNull(),
    exempt: boolean('exempt').notNull(),
    stage: smallint('stage').notNull(),
    overflowed: boolean('overflowed').notNull(),
    /** When the lane is to be woken: no conversation in it, and none that enters with a fresh clock, is due sooner. */
    wakeAt: instant('wake_at'),
    /** No clock in the lane is older, so a probe starts here and skips dead index entries. */
    floor: instant('floor').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('lane_facts')
      .on(
        table.accountId,
        table.channelId,
        table.skillId,
        table.status,
        table.awaiting,
        table.caseStatus,
        table.held,
        table.manualResponseTime,
        table.exempt,
        table.stage,
        table.overflowed,
      )
      .nullsNotDistinct(),
    index('lane_wake').on(table.wakeAt).where(sql`${table.wakeAt} is not null`),
  ],
);
