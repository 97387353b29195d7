import type { Sql } from 'postgres';

/** The opinions of other running processes on the database's time. */
type ClockOpinions = {
  /** One finds it wrong. */
  deny: boolean;
  /** One has used another time, and is about to follow this one. */
  step: boolean;
  /** One that has known the time for longer has found it right since this process first asked. */
  vouch: boolean;
};

const PREFIX = 'clock:';
/** A process that finds the time wrong, or steps, repeats it every second. */
const DENIES_FOR_MS = 5_000;
const KEPT_MS = 24 * 3_600_000;

/** One process's exchange of opinions on the database's time. Of no account. */
type ClockExchange = {
  /** Writes this process's opinion, unless it is null, and reads those of others. */
  exchange(says: 'RIGHT' | 'WRONG' | 'STEPPING' | null): Promise<ClockOpinions>;
  /** Deletes this process's opinion, as the process ends. */
  forget(): Promise<void>;
};

export function openClockExchange(sql: Sql, processId: string): ClockExchange {
  const own = PREFIX + processId;
  /** When this process first asked, by the database's time. */
  let since: number | null = null;
  return {
    async exchange(says) {
      const [row] = await sql<[ClockOpinions & { now: string }]>`
        with ms as materialized (
          select (date_part('epoch', clock_timestamp()) * 1000)::bigint as now
        ), said as (
          insert into service_state (key, value)
          select ${own}, jsonb_build_object('at', now, 'says', ${says}::text) from ms where ${says}::text is not null
          on conflict (key) do update set value = excluded.value
        ), forgotten as (
          delete from service_state using ms where starts_with(key, ${PREFIX}) and key <> ${own}
            and abs((value ->> 'at')::bigint - now) > ${KEPT_MS}
        ), others as (
          select (value ->> 'at')::bigint as at, value ->> 'says' as says
          from service_state where starts_with(key, ${PREFIX}) and key <> ${own}
        )
        select now,
          coalesce(bool_or(says = 'WRONG' and abs(at - now) <= ${DENIES_FOR_MS}), false) as deny,
          coalesce(bool_or(says = 'STEPPING' and abs(at - now) <= ${DENIES_FOR_MS}), false) as step,
          coalesce(bool_or(says = 'RIGHT' and at > ${since}::bigint and at <= now), false) as vouch
        from ms left join others on true group by now`;
      since ??= Number(row.now);
      return { deny: row.deny, step: row.step, vouch: row.vouch };
    },
    async forget() {
      await sql`delete from service_state where key = ${own}`;
    },
  };
}
