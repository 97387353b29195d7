import { sql } from 'drizzle-orm';
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import type { OutboxRow } from '../../domain/closing/owed-effects.ts';
import { account, channel, instant } from './account.ts';

/** Effects that a transaction owes the world; a row stays until it is sent, dead or dropped. */
export const outbox = pgTable(
  'outbox',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    kind: text('kind').$type<OutboxRow['kind']>().notNull(),
    conversationId: uuid('conversation_id').notNull(),
    revision: integer('revision').notNull(),
    endpointId: uuid('endpoint_id'),
    /** The channel of its conversation: what admins look for, and what rate limits are by. */
    channelId: uuid('channel_id').notNull(),
    payload: jsonb('payload').$type<OutboxRow['payload']>().notNull(),
    state: text('state').notNull(),
    attempts: integer('attempts').notNull(),
    /** Whether somebody asked for the next attempt by hand: it is made even while a circuit breaker is open. */
    byHand: boolean('by_hand').notNull().default(false),
    /** Since when an attempt is under way of which nothing is known yet; null: none is. */
    begunAt: instant('begun_at'),
    dueAt: instant('due_at').notNull(),
    createdAt: instant('created_at').notNull(),
    doneAt: instant('done_at'),
    error: text('error'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    index('outbox_under_way')
      .on(table.accountId, table.conversationId)
      .where(sql`${table.begunAt} is not null`),
    // The first two columns are the turns that the relay gives; `DESTINATION` in db/outbox.ts is this very expression.
    index('outbox_turn')
      .on(
        table.accountId,
        sql`(case when ${table.endpointId} is not null then ${table.endpointId}
          when ${table.payload} ? 'part' or ${table.payload} ? 'reminder' then ${table.channelId} else ${table.accountId} end)`,
        table.byHand,
        table.dueAt,
        table.id,
      )
      .where(sql`${table.state} = 'PENDING'`),
    index('outbox_error').on(table.accountId, table.conversationId).where(sql`${table.error} is not null`),
    index('outbox_dead').on(table.accountId, table.id).where(sql`${table.state} in ('DEAD', 'UNCONFIRMED')`),
  ],
);

/** Somebody's address for webhooks out, and which events go there. */
export const webhookEndpoint = pgTable(
  'webhook_endpoint',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => account.accountId),
    id: uuid('id').notNull(),
    url: text('url').notNull(),
    /** Encrypted; so is the one before, which signs too until it ends. */
    secret: text('secret').notNull(),
    previousSecret: text('previous_secret'),
    previousSecretUntil: instant('previous_secret_until'),
    events: text('events').array().notNull(),
    channelId: uuid('channel_id'),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
    /** Neither is read or written any more: `circuit_breaker` has both. They stay for processes of the version before. */
    failures: integer('failures').notNull().default(0),
    heldBackUntil: instant('held_back_until'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    foreignKey({
      columns: [table.accountId, table.channelId],
      foreignColumns: [channel.accountId, channel.id],
    }),
  ],
);

/** Destinations of which the last attempt failed: a channel's provider or a webhook endpoint. One that answers has no row. */
export const circuitBreaker = pgTable(
  'circuit_breaker',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => account.accountId),
    /** The channel's or the endpoint's id. */
    destinationId: uuid('destination_id').notNull(),
    kind: text('kind').notNull(),
    /** Attempts that have failed since the last that did not. */
    failures: integer('failures').notNull(),
    /** Why the last one failed. */
    why: text('why').notNull(),
    /** Since when nothing is sent but attempts to find out whether it is back; null: the circuit breaker is closed. */
    openedAt: instant('opened_at'),
    /** When the next such attempt may be made; null: the circuit breaker is closed. */
    retryAt: instant('retry_at'),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.destinationId] })],
);

/** What became of each attempt to send a webhook. */
export const webhookDelivery = pgTable(
  'webhook_delivery',
  {
    accountId: uuid('account_id').notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    id: uuid('id').notNull(),
    /** The event's id, the same at every attempt. */
    outboxId: uuid('outbox_id').notNull(),
    type: text('type').notNull(),
    at: instant('at').notNull(),
    tookMs: integer('took_ms').notNull(),
    /** The HTTP status; null: there was no answer. */
    status: integer('status'),
    error: text('error'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.endpointId, table.id] }),
    foreignKey({
      columns: [table.accountId, table.endpointId],
      foreignColumns: [webhookEndpoint.accountId, webhookEndpoint.id],
    }).onDelete('cascade'),
  ],
);

/** One row a thing the service remembers about itself, such as the hash of its built-in rules. Of no account. */
export const serviceState = pgTable('service_state', {
  key: text('key').primaryKey(),
  value: jsonb('value').notNull(),
});
