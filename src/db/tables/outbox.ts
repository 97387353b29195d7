import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { OutboxRow } from '../../domain/closing/owed-effects.ts';
import { channel, instant, ofAccount, refersTo } from './account.ts';

/** Effects to carry out after a commit: webhooks and messages. Retention deletes finished ones. */
export const outbox = pgTable(
  'outbox',
  {
    accountId: uuid('account_id').notNull(),
    id: uuid('id').notNull(),
    kind: text('kind').$type<OutboxRow['kind']>().notNull(),
    conversationId: uuid('conversation_id').notNull(),
    revision: integer('revision').notNull(),
    endpointId: uuid('endpoint_id'),
    /** The channel of its conversation, by which admins filter and rate limits count. */
    channelId: uuid('channel_id').notNull(),
    payload: jsonb('payload').$type<OutboxRow['payload']>().notNull(),
    state: text('state').notNull(),
    attempts: integer('attempts').notNull(),
    /** Whether a person asked for the next attempt: it is made even while a circuit breaker is open. */
    byHand: boolean('by_hand').notNull().default(false),
    /** When the attempt began whose outcome is not known yet; null: none is under way. */
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
    // The relay takes turns by the first two columns. `DESTINATION` in rows/outbox-claims.ts must be the same expression.
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

/** An address to which webhooks are sent, and the events that are sent there. */
export const webhookEndpoint = pgTable(
  'webhook_endpoint',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    url: text('url').notNull(),
    /** Encrypted, as is the previous one, which also signs until it expires. */
    secret: text('secret').notNull(),
    previousSecret: text('previous_secret'),
    previousSecretUntil: instant('previous_secret_until'),
    events: text('events').array().notNull(),
    channelId: uuid('channel_id'),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
    /** Unused: `circuit_breaker` has both. Processes of the previous version still need these columns. */
    failures: integer('failures').notNull().default(0),
    heldBackUntil: instant('held_back_until'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    refersTo(table, table.channelId, channel),
  ],
);

/** Destinations, channels' providers or webhook endpoints, whose last attempt failed. One that answers has no row. */
export const circuitBreaker = pgTable(
  'circuit_breaker',
  {
    accountId: ofAccount(),
    /** The channel's or the endpoint's id. */
    destinationId: uuid('destination_id').notNull(),
    kind: text('kind').notNull(),
    /** Attempts that failed in a row. */
    failures: integer('failures').notNull(),
    /** Why the last attempt failed. */
    why: text('why').notNull(),
    /** When the circuit breaker opened: since then only probes are sent. Null: it is closed. */
    openedAt: instant('opened_at'),
    /** When the next probe may be sent; null: the circuit breaker is closed. */
    retryAt: instant('retry_at'),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.destinationId] })],
);

/** The attempts to send webhooks, with their outcomes. */
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
    /** The HTTP status; null: no answer came. */
    status: integer('status'),
    error: text('error'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.endpointId, table.id] }),
    refersTo(table, table.endpointId, webhookEndpoint).onDelete('cascade'),
  ],
);

/** Facts that the service stores about itself, such as the hash of its built-in rules. Of no account. */
export const serviceState = pgTable('service_state', {
  key: text('key').primaryKey(),
  value: jsonb('value').notNull(),
});
