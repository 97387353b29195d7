import type { Sql, TransactionSql } from 'postgres';
import { inTransaction } from '../db/transaction.ts';
import type { AccountRules, ChannelSetup } from '../domain/policy/account-rules.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import type { Layer, PolicyChange } from '../domain/policy/policy.ts';
import { parsePolicyFields } from '../domain/policy/policy-fields.ts';
import { profileNamed } from '../domain/policy/profiles.ts';
import { buildCalendar } from '../domain/time/calendar.ts';
import type { OpenHours } from '../domain/time/open-hours.ts';

/**
 * Returns the rules of an adapter, by its id, on a channel with these settings. The database's rows know adapters
 * only through it.
 */
export type RulesOfAdapter = (adapter: string, settings: unknown) => { rules: ChannelRules; sends: boolean };

type OutageRow = { kind: string; channel_id: string | null; since: Date; until: Date | null };

/** Reads everything that an account's timers depend on, in one snapshot; null for an unknown account. */
export async function readRules(
  sql: Sql,
  accountId: string,
  rulesOfAdapter: RulesOfAdapter,
): Promise<AccountRules | null> {
  return await inTransaction(
    sql,
    (tx) => readRulesIn(tx, accountId, rulesOfAdapter),
    'isolation level repeatable read read only',
  );
}

/** The same inside a transaction, with its own changes. */
export async function readRulesIn(
  sql: TransactionSql,
  accountId: string,
  rulesOfAdapter: RulesOfAdapter,
): Promise<AccountRules | null> {
  const [[account], layers, changes, channels, outages, endpoints] = await Promise.all([
    sql`select profile, first_profile, exempt_tags, case_statuses, rules_version, rules_since from account where account_id = ${accountId}`,
    sql`select channel_id, skill_id, fields, version from policy_layer where account_id = ${accountId}`,
    sql`select kind, channel_id, skill_id, after, changed_at from rules_version
        where account_id = ${accountId} and kind in ('POLICY', 'PROFILE') order by version`,
    sql`select channel.id, channel.adapter, channel.settings, calendar.hours from channel
        join account on account.account_id = channel.account_id
        left join calendar on calendar.account_id = channel.account_id
          and calendar.id = coalesce(channel.calendar_id, account.calendar_id)
        where channel.account_id = ${accountId}`,
    sql<OutageRow[]>`select kind, channel_id, since, until from outage where account_id = ${accountId}`,
    sql`select id, events, channel_id from webhook_endpoint where account_id = ${accountId} and disabled_at is null`,
  ]);
  if (!account) return null;
  return {
    accountId,
    version: Number(account.rules_version),
    since: account.rules_since,
    profile: profileNamed(account.profile),
    firstProfile: profileNamed(account.first_profile),
    layers: layers.map(layerOf),
    history: changes.map(changeOf),
    channels: new Map(channels.map((row) => [row.id, channelOf(row, outages, rulesOfAdapter)])),
    exemptTags: new Set(account.exempt_tags),
    caseStatuses: new Set(account.case_statuses),
    endpoints: endpoints.map((row) => ({ id: row.id, events: row.events, channelId: row.channel_id })),
  };
}

function layerOf(row: Record<string, unknown>): Layer {
  return {
    channelId: row.channel_id as string | null,
    skillId: row.skill_id as string | null,
    fields: parsePolicyFields(row.fields as Record<string, unknown>),
    version: Number(row.version),
  };
}

function changeOf(row: Record<string, unknown>): PolicyChange {
  const at = row.changed_at as Date;
  const after = row.after as Record<string, unknown> | null;
  if (row.kind === 'PROFILE') return { at, profile: profileNamed(String(after?.profile)) };
  const fields = after === null ? null : parsePolicyFields(after);
  return {
    at,
    layer: { channelId: row.channel_id as string | null, skillId: row.skill_id as string | null, fields },
  };
}

function channelOf(
  row: Record<string, unknown>,
  outages: readonly OutageRow[],
  rulesOfAdapter: RulesOfAdapter,
): ChannelSetup {
  const id = row.id as string;
  const here = outages.filter((outage) => outage.channel_id === null || outage.channel_id === id);
  const uncounted = here.map(({ since, until }) => ({ from: since, until }));
  return {
    id,
    adapterId: row.adapter as string,
    settings: row.settings as object,
    ...rulesOfAdapter(row.adapter as string, row.settings),
    calendar: buildCalendar(row.hours as OpenHours | null, uncounted),
    wallCalendar: buildCalendar(null, uncounted),
    paused: here.some((outage) => outage.kind === 'PAUSE' && outage.until === null),
  };
}
