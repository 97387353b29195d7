import { type Call, once } from '../db/idempotency.ts';
import { countOf } from '../db/rows/counts.ts';
import { orTaken } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { checkCount } from '../domain/bounds.ts';
import { NotFoundError } from '../domain/errors.ts';
import { type OpenHours, validateOpenHours } from '../domain/time/open-hours.ts';
import type { Causing } from '../engine.ts';
import type { RulesDeps } from './change-rules.ts';
import { changeRulesOnce, type OnceRequest } from './change-rules-once.ts';

/**
 * Creates a calendar (PE-8). It affects no timer until a channel uses it, so it is not a change of rules.
 * @throws InvalidInputError, TakenError, ConflictError
 */
export async function createCalendar(
  deps: RulesDeps,
  accountId: string,
  { name, hours }: { name: string; hours: OpenHours },
  call: Call,
): Promise<{ id: string }> {
  validateOpenHours(hours, 'hours');
  return await orTaken(() =>
    once(
      deps,
      accountId,
      call,
      (keeping) =>
        inTransaction(deps.db.sql, (sql) =>
          keeping(sql, async () => {
            checkCount('calendars', await countOf(sql, accountId, 'calendars', deps.clock.now()));
            const id = deps.newId();
            await sql`insert into calendar ${sql({ account_id: accountId, id, name, hours: sql.json(hours as never) })}`;
            return { id };
          }),
        ) as Promise<{ id: string }>,
    ),
  );
}

/**
 * Changes a calendar. This is a change of rules that applies at once to all channels with the calendar.
 * @throws NotFoundError, InvalidInputError, TakenError, ConflictError; nothing is changed then
 */
export async function updateCalendar(
  deps: RulesDeps,
  request: OnceRequest,
  calendarId: string,
  changes: { name?: string | undefined; hours?: OpenHours | undefined },
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  if (changes.hours) validateOpenHours(changes.hours, 'hours');
  return await orTaken(() =>
    changeRulesOnce(deps, request, async (sql) => {
      const [row] = await sql<{ name: string; hours: OpenHours }[]>`
        select name, hours from calendar where account_id = ${accountId} and id = ${calendarId} for no key update`;
      if (!row) throw new NotFoundError('calendarId', 'calendar');
      const before = { id: calendarId, name: row.name, hours: row.hours };
      const after = { ...before, name: changes.name ?? row.name, hours: changes.hours ?? row.hours };
      await sql`
        update calendar set name = ${after.name}, hours = ${sql.json(after.hours as never)}
        where account_id = ${accountId} and id = ${calendarId}`;
      return {
        change: { kind: 'CALENDAR', channelId: null, skillId: null, before, after },
        result: { id: calendarId },
      };
    }),
  );
}

/**
 * Sets the calendar of channels without one of their own; null: they are always open (PE-8). This is a change of
 * rules, unless nothing changes.
 * @throws NotFoundError naming `calendarId`; ConflictError
 */
export async function setAccountCalendar(
  deps: RulesDeps,
  request: OnceRequest,
  calendarId: string | null,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeRulesOnce(deps, request, async (sql) => {
    const [found] = await sql<{ before: string | null; known: boolean }[]>`
      select calendar_id as before, exists (
        select 1 from calendar where account_id = ${accountId} and id = ${calendarId}
      ) as known from account where account_id = ${accountId}`;
    if (calendarId !== null && !found?.known) throw new NotFoundError('calendarId', 'calendar');
    const before = found?.before ?? null;
    const result = { id: accountId };
    if (before === calendarId) return { change: null, result };
    await sql`update account set calendar_id = ${calendarId} where account_id = ${accountId}`;
    const kept = (id: string | null) => ({ calendarId: id });
    return {
      change: {
        ...{ kind: 'CALENDAR', channelId: null, skillId: null },
        ...{ before: kept(before), after: kept(calendarId) },
      },
      result,
    };
  });
}
