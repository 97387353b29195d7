import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { account, channel, instant } from './account.ts';

/** Effects that a transaction owes the world; a row stays until it is sent, dead or dropped. */
export const outbox = pgTable(
  'outbox',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    kind: text('kind').notNull(),
    conversationId: uuid('conversation_id').notNull(),
    revision: integer('revision').notNull(),
    endpointId: uuid('endpoint_id'),
    /** The channel of its conversation: what admins look for, and what rate limits are by. */
    channelId: uuid('channel_id').notNull(),
    payload: jsonb('payload').notNull(),
    state: text('state').notNull(),
    attempts: integer('attempts').notNull(),
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
    index('outbox_due').on(table.dueAt).where(sql`${table.state} = 'PENDING'`),
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
    /** Attempts that have failed since the last that did not. */
    failures: integer('failures').notNull().default(0),
    /** Until when nothing is sent there, after too many failures; null: it is not held back. */
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
