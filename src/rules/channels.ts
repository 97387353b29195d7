import type { TransactionSql } from 'postgres';
import { closeCircuit } from '../db/rows/circuits.ts';
import { countOf } from '../db/rows/counts.ts';
import { orTaken, orUnavailable } from '../db/sqlstate.ts';
import { BOUNDS, checkCount } from '../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { Causing, EngineDeps } from '../engine.ts';
import type { RulesDeps } from './change-rules.ts';
import { changeRulesOnce, type OnceRequest } from './change-rules-once.ts';

/** What the flow needs to create and change channels. */
export type ChannelDeps = RulesDeps & {
  /**
   * Parses settings with the schema of an adapter, merged into the stored ones, and encrypts the secrets. A
   * setting that is null is removed.
   * @throws NotFoundError naming `adapterId`; InvalidInputError naming the setting, as `settings.secret`
   */
  readSettings: (adapterId: string, given: object, stored?: object) => object;
};

/** A channel to create. */
export type NewChannel = {
  name: string;
  adapterId: string;
  settings: Readonly<Record<string, unknown>>;
  calendarId: string | null;
};

/** Changes of a channel. Undefined fields and unnamed settings stay; a setting that is null is removed. */
export type ChannelChanges = {
  name?: string | undefined;
  settings?: Readonly<Record<string, unknown>> | undefined;
  calendarId?: string | null | undefined;
};

/**
 * Creates a channel, which is a change of rules, and returns its id. The history contains no settings, because
 * they may be secrets.
 * @throws NotFoundError, InvalidInputError, TakenError, ConflictError; nothing is changed then
 */
export async function createChannel(
  deps: ChannelDeps,
  request: OnceRequest,
  { name, adapterId, settings, calendarId }: NewChannel,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  const read = within(deps.readSettings(adapterId, settings));
  return await orTaken(() =>
    changeRulesOnce(deps, request, async (sql) => {
      checkCount('channels', await countOf(sql, accountId, 'channels', deps.clock.now()));
      await checkCalendar(sql, accountId, calendarId);
      const id = deps.newId();
      await sql`insert into channel ${sql({ account_id: accountId, id, name, adapter: adapterId, settings: sql.json(read as never), calendar_id: calendarId })}`;
      const after = { name, adapterId, calendarId };
      return {
        change: { kind: 'CHANNEL', channelId: id, skillId: null, before: null, after },
        result: { id },
      };
    }),
  );
}

/**
 * Changes a channel, which is a change of rules. Its adapter cannot change.
 * @throws NotFoundError, InvalidInputError, TakenError, ConflictError; nothing is changed then
 */
export async function updateChannel(
  deps: ChannelDeps,
  request: OnceRequest,
  channelId: string,
  changes: ChannelChanges,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await orTaken(() =>
    changeRulesOnce(deps, request, async (sql) => {
      const [row] = await sql`
        select name, adapter, settings, calendar_id from channel where account_id = ${accountId} and id = ${channelId} for no key update`;
      if (!row) throw new NotFoundError('channelId', 'channel');
      const { name = row.name, calendarId = row.calendar_id } = changes;
      if (calendarId !== row.calendar_id) await checkCalendar(sql, accountId, calendarId);
      const settings =
        changes.settings === undefined
          ? row.settings
          : within(deps.readSettings(row.adapter, changes.settings, row.settings), row.settings);
      await sql`
        update channel set name = ${name}, calendar_id = ${calendarId}, settings = ${sql.json(settings as never)}
        where account_id = ${accountId} and id = ${channelId}`;
      // The channel may have another provider now.
      if (changes.settings !== undefined) await closeCircuit(sql, { accountId, destinationId: channelId });
      const adapterId: string = row.adapter;
      const changedSettings = Object.keys(changes.settings ?? {});
      return {
        change: {
          kind: 'CHANNEL',
          channelId,
          skillId: null,
          before: { name: row.name, adapterId, calendarId: row.calendar_id },
          after: { name, adapterId, calendarId, ...(changedSettings.length ? { changedSettings } : {}) },
        },
        result: { id: channelId },
      };
    }),
  );
}

/** Settings to store, unless they are too large. Stored settings that are too large already may shrink. */
function within(settings: object, before: object = {}): object {
  const { max } = BOUNDS.settings;
  const size = JSON.stringify(settings).length;
  // Encrypted secrets are longer than plain ones.
  if (size > 2 * max && size > JSON.stringify(before).length)
    throw new InvalidInputError('settings', `at most ${max} characters, as JSON, are allowed`);
  return settings;
}

async function checkCalendar(
  sql: TransactionSql,
  accountId: string,
  calendarId: string | null,
): Promise<void> {
  if (calendarId === null) return;
  const [row] = await sql`select 1 from calendar where account_id = ${accountId} and id = ${calendarId}`;
  if (!row) throw new NotFoundError('calendarId', 'calendar');
}

/** The account and the channel that a provider's call names, both UUIDs. */
export type ChannelPath = { accountId: string; channelId: string };

/**
 * Reads the channels that providers' calls name, in one statement; null for an unknown channel.
 * @throws UnavailableError
 */
export async function channelsOfWebhooks(
  { db }: Pick<EngineDeps, 'db'>,
  paths: readonly ChannelPath[],
): Promise<({ adapterId: string; settings: object } | null)[]> {
  const select = db.sql.unsafe<{ at: number; adapterId: string; settings: object }[]>(
    `select at::int, adapter as "adapterId", settings
     from unnest($1::uuid[], $2::uuid[]) with ordinality as path (account_id, channel_id, at)
     join channel on channel.account_id = path.account_id and channel.id = path.channel_id`,
    [paths.map(({ accountId }) => accountId), paths.map(({ channelId }) => channelId)],
    { prepare: true },
  );
  const rows = await orUnavailable(() => select);
  const found = new Map(rows.map(({ at, adapterId, settings }) => [at, { adapterId, settings }]));
  return paths.map((_, index) => found.get(index + 1) ?? null);
}
