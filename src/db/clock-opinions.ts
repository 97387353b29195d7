import type { Sql } from 'postgres';

/** What other processes say of the database's time. */
export type ClockOpinions = {
  /** One that runs finds it wrong. */
  deny: boolean;
  /** One that has known the time for longer has found it right since this process began to ask. */
  vouch: boolean;
};

const PREFIX = 'clock:';
/** Who finds the time wrong says so every second. */
const DENIES_FOR_MS = 5_000;
const KEPT_MS = 24 * 3_600_000;

/** What processes say of the database's time, for one of them. Of no account. */
export type ClockExchange = {
  /** Says whether this process finds it right, null being nothing, and asks what others find. */
  exchange(isRight: boolean | null): Promise<ClockOpinions>;
  /** Forgets what this process said, as it ends. */
  forget(): Promise<void>;
};

export function openClockExchange(sql: Sql, processId: string): ClockExchange {
  const own = PREFIX + processId;
  /** When this process first asked, by the time in question. */
  let since: number | null = null;
  return {
    async exchange(isRight) {
      const [row] = await sql<[ClockOpinions & { now: string }]>`
        with ms as materialized (
          select (date_part('epoch', clock_timestamp()) * 1000)::bigint as now
        ), said as (
          insert into service_state (key, value)
          select ${own}, jsonb_build_object('at', now, 'isRight', ${isRight}::boolean) from ms where ${isRight}::boolean is not null
          on conflict (key) do update set value = excluded.value
        ), forgotten as (
          delete from service_state using ms where starts_with(key, ${PREFIX}) and key <> ${own}
            and abs((value ->> 'at')::bigint - now) > ${KEPT_MS}
        ), others as (
          select (value ->> 'at')::bigint as at, (value ->> 'isRight')::boolean as is_right
          from service_state where starts_with(key, ${PREFIX}) and key <> ${own}
        )
        select now,
          coalesce(bool_or(not is_right and abs(at - now) <= ${DENIES_FOR_MS}), false) as deny,
          coalesce(bool_or(is_right and at > ${since}::bigint and at <= now), false) as vouch
        from ms left join others on true group by now`;
      since ??= Number(row.now);
      return { deny: row.deny, vouch: row.vouch };
    },
    async forget() {
      await sql`delete from service_state where key = ${own}`;
    },
  };
}
