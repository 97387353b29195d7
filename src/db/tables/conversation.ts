import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  foreignKey,
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
import { account, agent, channel, instant, skill } from './account.ts';

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/** Somebody at an address of a channel. Locked first by whoever writes one of its conversations. */
export const contact = pgTable(
  'contact',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    channelId: uuid('channel_id').notNull(),
    /** What the channel knows the contact by; gone once erased (PE-15). */
    address: text('address'),
    clientVersion: text('client_version'),
    locale: text('locale'),
    /** OPTED_IN, OPTED_OUT, or null: never said (SF-11). */
    consent: text('consent').$type<'OPTED_IN' | 'OPTED_OUT'>(),
    consentAt: instant('consent_at'),
    latestConversationId: uuid('latest_conversation_id'),
    erasedAt: instant('erased_at'),
    /** When a contact of the same address was erased before; what was sent before that is dropped. Null: never, or long ago. */
    erasedBefore: instant('erased_before'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('contact_address').on(table.accountId, table.channelId, table.address),
    index('contact_erased_before').on(table.erasedBefore).where(sql`${table.erasedBefore} is not null`),
    foreignKey({
      columns: [table.accountId, table.channelId],
      foreignColumns: [channel.accountId, channel.id],
    }),
  ],
);

/**
 * What is left of an address or a message id that was erased (PE-15): a keyed hash, by which it is known again for as long
 * as providers repeat their calls.
 */
export const erasedIdentifier = pgTable(
  'erased_identifier',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => account.accountId),
    hash: text('hash').notNull(),
    erasedAt: instant('erased_at').notNull(),
    /** OPTED_OUT, of an address whose customer had said so: kept for good; null: nothing to keep. */
    consent: text('consent').$type<'OPTED_OUT'>(),
    consentAt: instant('consent_at'),
    /** Until when echoes to an address are dropped: of a message that was under way while it was erased. Null: none was. */
    echoesUntil: instant('echoes_until'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.hash] }),
    index('erased_identifier_old').on(table.erasedAt).where(sql`${table.consent} is null`),
  ],
);

/** What customers said about being written to, append-only (PE-12); the newest is in `contact`. */
export const consentChange = pgTable(
  'consent_change',
  {
    accountId: uuid('account_id').notNull(),
    contactId: uuid('contact_id').notNull(),
    id: uuid('id').notNull(),
    /** OPTED_IN or OPTED_OUT. */
    consent: text('consent').$type<'OPTED_IN' | 'OPTED_OUT'>().notNull(),
    /** How it is known: KEYWORD, PROVIDER or COMMAND. */
    source: text('source').$type<'KEYWORD' | 'PROVIDER' | 'COMMAND'>().notNull(),
    at: instant('at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    /** Where it was said; null: outside of any. */
    conversationId: uuid('conversation_id'),
    agentId: uuid('agent_id'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.contactId, table.id] }),
    foreignKey({
      columns: [table.accountId, table.contactId],
      foreignColumns: [contact.accountId, contact.id],
    }),
  ],
);

/**
 * A conversation: facts and clocks, no deadline. Each index costs every message: these are all there are.
 * `lane_id` has no foreign key, which on a hot lane would starve the wake; null: ended, or set aside.
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
    foreignKey({
      columns: [table.accountId, table.contactId],
      foreignColumns: [contact.accountId, contact.id],
    }),
    foreignKey({ columns: [table.accountId, table.skillId], foreignColumns: [skill.accountId, skill.id] }),
    foreignKey({ columns: [table.accountId, table.agentId], foreignColumns: [agent.accountId, agent.id] }),
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

/** The feed: what happened, append-only, numbered within its conversation. */
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
    /** The transaction that wrote it, by which the account's feed is in order of commit. */
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

/** The open conversations that agree on every fact a policy can select on. Never deleted. */
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
    /** When the lane is to be woken; nobody in it, or who enters it with a fresh clock, is due sooner. */
    wakeAt: instant('wake_at'),
    /** No live clock in the lane is older: a probe starts here and never walks dead index entries. */
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
