import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

/** An instant, to the millisecond. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** The account of a row. */
export const ofAccount = () =>
  uuid('account_id')
    .notNull()
    .references((): AnyPgColumn => account.accountId);

/** A foreign key within an account: `column` holds the id of a row of `other`. */
export const refersTo = (
  own: { accountId: AnyPgColumn },
  column: AnyPgColumn,
  other: { accountId: AnyPgColumn; id: AnyPgColumn },
) => foreignKey({ columns: [own.accountId, column], foreignColumns: [other.accountId, other.id] });

/** A tenant. `rules_version` counts the changes of everything that its timers depend on. */
export const account = pgTable(
  'account',
  {
    accountId: uuid('account_id').primaryKey(),
    name: text('name').notNull(),
    profile: text('profile').notNull(),
    firstProfile: text('first_profile').notNull(),
    exemptTags: text('exempt_tags').array().notNull().default(sql`'{}'`),
    /** The case statuses that the account uses (SP-4). */
    caseStatuses: text('case_statuses').array().notNull().default(sql`'{}'`),
    /** The calendar of channels that have none of their own; null: those are always open. */
    calendarId: uuid('calendar_id'),
    rulesVersion: bigint('rules_version', { mode: 'number' }).notNull(),
    rulesSince: instant('rules_since').notNull(),
    /** The rules version for which every lane was last scheduled; a lower one than `rules_version` is still to be done. */
    scheduledVersion: bigint('scheduled_version', { mode: 'number' }).notNull(),
    createdAt: instant('created_at').notNull(),
    /** Whether a key that a key or a token has made stays valid after its maker is revoked or expires. */
    keysOutliveMaker: boolean('keys_outlive_maker').notNull().default(false),
  },
  (table) => [
    index('account_unscheduled')
      .on(table.accountId)
      .where(sql`${table.scheduledVersion} <> ${table.rulesVersion}`),
    refersTo(table, table.calendarId, calendar),
  ],
);

/** The changes of rules, append-only: who, when, before, after, why. */
export const rulesVersion = pgTable(
  'rules_version',
  {
    accountId: ofAccount(),
    version: bigint('version', { mode: 'number' }).notNull(),
    kind: text('kind').notNull(),
    channelId: uuid('channel_id'),
    skillId: uuid('skill_id'),
    before: jsonb('before'),
    after: jsonb('after'),
    changedBy: text('changed_by').notNull(),
    changedAt: instant('changed_at').notNull(),
    why: text('why'),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.version] })],
);

/** The policy layers in force; `rules_version` has their history. Both ids are null in the account's own layer. */
export const policyLayer = pgTable(
  'policy_layer',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    channelId: uuid('channel_id'),
    skillId: uuid('skill_id'),
    fields: jsonb('fields').notNull(),
    version: bigint('version', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('policy_layer_place').on(table.accountId, table.channelId, table.skillId).nullsNotDistinct(),
    refersTo(table, table.channelId, channel),
    refersTo(table, table.skillId, skill),
  ],
);

/** Open hours and holidays. */
export const calendar = pgTable(
  'calendar',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    hours: jsonb('hours').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('calendar_name').on(table.accountId, table.name),
  ],
);

/** An adapter, as an account has configured it. */
export const channel = pgTable(
  'channel',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    adapter: text('adapter').notNull(),
    settings: jsonb('settings').notNull(),
    calendarId: uuid('calendar_id'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('channel_name').on(table.accountId, table.name),
    refersTo(table, table.calendarId, calendar),
  ],
);

/** A time that does not count: an outage of messages (LL-7) or a pause (LL-15). Channel null: all channels. */
export const outage = pgTable(
  'outage',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    kind: text('kind').notNull(),
    channelId: uuid('channel_id'),
    since: instant('since').notNull(),
    until: instant('until'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    refersTo(table, table.channelId, channel),
  ],
);

/**
 * The walk over an account's conversations that moves them into other lanes after a change of the exempt tags (PE-7).
 * There is one at a time: a newer change restarts it.
 */
export const exemptionBackfill = pgTable(
  'exemption_backfill',
  {
    accountId: ofAccount(),
    /** The rules version that changed the exempt tags. */
    version: bigint('version', { mode: 'number' }).notNull(),
    /** 1 or 2: a transaction that still used the former tags has committed before the second pass. */
    pass: integer('pass').notNull(),
    /** The last conversation done in this pass; null: none is. */
    afterId: uuid('after_id'),
    /** The earliest instant at which the pass begins. */
    notBefore: instant('not_before').notNull(),
    /** How many conversations the first pass read, and how many both passes moved. */
    scanned: bigint('scanned', { mode: 'number' }).notNull(),
    moved: bigint('moved', { mode: 'number' }).notNull(),
    startedAt: instant('started_at').notNull(),
    doneAt: instant('done_at'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId] }),
    index('exemption_backfill_pending').on(table.notBefore).where(sql`${table.doneAt} is null`),
  ],
);

/** A group of agents, with a queue. */
export const skill = pgTable(
  'skill',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('skill_name').on(table.accountId, table.name),
  ],
);

/** A person or a bot that answers. Capacity null: unlimited; the capacity in use is counted, never stored. */
export const agent = pgTable(
  'agent',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    kind: text('kind').notNull(),
    online: boolean('online').notNull(),
    capacity: integer('capacity'),
    /** The subject (`sub`) of the agent's JWT. */
    subject: text('subject'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('agent_name').on(table.accountId, table.name),
    unique('agent_subject').on(table.accountId, table.subject),
  ],
);

/** The answers of mutations, by idempotency key: a repeated call gets the same answer and changes nothing. */
export const idempotency = pgTable(
  'idempotency',
  {
    accountId: ofAccount(),
    key: text('key').notNull(),
    /** A hash of the request: the same key with another request is an error. */
    requestHash: text('request_hash').notNull(),
    result: jsonb('result').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.key] })],
);

/** An operator's key to the API. It belongs to no account: each request names one. */
export const operatorKey = pgTable('operator_key', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  hash: text('hash').notNull(),
  scopes: text('scopes').array().notNull(),
  createdAt: instant('created_at').notNull(),
  revokedAt: instant('revoked_at'),
});

/** An account's key to the API; only its hash is stored. */
export const apiKey = pgTable(
  'api_key',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    hash: text('hash').notNull(),
    scopes: text('scopes').array().notNull(),
    createdAt: instant('created_at').notNull(),
    revokedAt: instant('revoked_at'),
    /** When it expires; null: it is valid until it is revoked. */
    expiresAt: instant('expires_at'),
    /** The actor that made it, as histories name it; null: the command line. */
    madeBy: text('made_by'),
    /** The account's or operator's key that made it, and with which it is revoked; null: none. */
    boundTo: uuid('bound_to'),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.id] })],
);
