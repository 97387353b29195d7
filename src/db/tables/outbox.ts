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
    payload: jsonb('payload').notNull(),
    state: text('state').notNull(),
    attempts: integer('attempts').notNull(),
    dueAt: instant('due_at').notNull(),
    createdAt: instant('created_at').notNull(),
    doneAt: instant('done_at'),
    error: text('error'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    index('outbox_due').on(table.dueAt).where(sql`${table.state} = 'PENDING'`),
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
    secret: text('secret').notNull(),
    events: text('events').array().notNull(),
    channelId: uuid('channel_id'),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    foreignKey({
      columns: [table.accountId, table.channelId],
      foreignColumns: [channel.accountId, channel.id],
    }),
  ],
);

/** One row a thing the service remembers about itself, such as the hash of its built-in rules. Of no account. */
export const serviceState = pgTable('service_state', {
  key: text('key').primaryKey(),
  value: jsonb('value').notNull(),
});
