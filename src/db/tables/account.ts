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

/** A tenant. `rules_version` counts every change of what its timers depend on. */
export const account = pgTable(
  'account',
  {
    accountId: uuid('account_id').primaryKey(),
    name: text('name').notNull(),
    profile: text('profile').notNull(),
    firstProfile: text('first_profile').notNull(),
    exemptTags: text('exempt_tags').array().notNull().default(sql`'{}'`),
    /** The case statuses there are (SP-4). */
    caseStatuses: text('case_statuses').array().notNull().default(sql`'{}'`),
    /** What channels without a calendar of their own run on; null: they are always open. */
    calendarId: uuid('calendar_id'),
    rulesVersion: bigint('rules_version', { mode: 'number' }).notNull(),
    rulesSince: instant('rules_since').notNull(),
    /** The newest rules version all lanes have been armed for; behind `rules_version`: still to be done. */
    scheduledVersion: bigint('scheduled_version', { mode: 'number' }).notNull(),
    createdAt: instant('created_at').notNull(),
    /** Whether keys that are made by a key or a token stay valid once that has ended. */
    keysOutliveMaker: boolean('keys_outlive_maker').notNull().default(false),
  },
  (table) => [
    index('account_unscheduled')
      .on(table.accountId)
      .where(sql`${table.scheduledVersion} <> ${table.rulesVersion}`),
    refersTo(table, table.calendarId, calendar),
  ],
);

/** Every change of rules, append-only: who, when, before, after, why. */
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

/** The policy layers in force; their history is in rules_version. Both ids null: the account's own. */
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

/** Open hours and holidays, by name. */
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

/** An account's configured instance of an adapter. */
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

/** Time that does not count: an outage of a channel's messages (LL-7) or a pause (LL-15); no channel: all of them. */
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
 * A walk over an account's conversations that puts those with changed tags into their lanes, after a change of the
 * exempt tags (PE-7). One at a time: a newer change begins it anew.
 */
export const exemptionBackfill = pgTable(
  'exemption_backfill',
  {
    accountId: ofAccount(),
    /** The rules version that asked for it. */
    version: bigint('version', { mode: 'number' }).notNull(),
    /** The walk goes over all twice: whoever wrote by the former tags has committed by the second time. */
    pass: integer('pass').notNull(),
    /** Conversations up to this one are done in this pass; null: none yet. */
    afterId: uuid('after_id'),
    /** No sooner than this the pass begins. */
    notBefore: instant('not_before').notNull(),
    /** Conversations looked at in the first pass, and moved in either. */
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

/** A group of agents and the queue before them. */
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

/** A person or a bot who answers. The capacity in use is counted, never stored; null: unlimited. */
export const agent = pgTable(
  'agent',
  {
    accountId: ofAccount(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    kind: text('kind').notNull(),
    online: boolean('online').notNull(),
    capacity: integer('capacity'),
    /** What the identity provider calls the agent: the subject of a JWT. */
    subject: text('subject'),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.id] }),
    unique('agent_name').on(table.accountId, table.name),
    unique('agent_subject').on(table.accountId, table.subject),
  ],
);

/** What a mutation answered under an idempotency key, so that the same call again is answered alike and changes nothing. */
export const idempotency = pgTable(
  'idempotency',
  {
    accountId: ofAccount(),
    key: text('key').notNull(),
    /** What was asked; the same key for something else is an error. */
    requestHash: text('request_hash').notNull(),
    result: jsonb('result').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.key] })],
);

/** A key of the operator's, bound to no account: it names one per request. Of no account. */
export const operatorKey = pgTable('operator_key', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  hash: text('hash').notNull(),
  scopes: text('scopes').array().notNull(),
  createdAt: instant('created_at').notNull(),
  revokedAt: instant('revoked_at'),
});

/** A key to the API, of which only the hash is kept. */
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
    /** From when on it is not valid any more; null: valid until it is revoked. */
    expiresAt: instant('expires_at'),
    /** Who made it, as histories keep it; null: somebody at the command line. */
    madeBy: text('made_by'),
    /** The key (the account's, or an operator's) with which it is revoked: the one it was made by; null: with none. */
    boundTo: uuid('bound_to'),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.id] })],
);
