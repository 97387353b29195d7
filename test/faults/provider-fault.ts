import type { Fault } from './faults.ts';
import { arrayOf, until } from './strike.ts';
import type { World } from './world.ts';

/** Two channels and the subscriber of one of them. */
const DESTINATIONS = 3;
/** Failed attempts after a circuit breaker has opened, each later than the one before. */
const PROBES = { short: 0, long: 2 };
/** The circuit breaker of a channel opens after 5 failures, and that of an endpoint after 10. */
const OPEN = `retry_at is not null`;
const PROBED = (probes: number) =>
  `${OPEN} and failures >= case kind when 'CHANNEL' then ${5 + probes} else ${10 + Math.min(probes, 1)} end`;
/** The time until the third probe of a channel and the second of an endpoint, and another minute. */
const KNOWN_WITHIN_MS = 180_000;
const SENT_WITHIN_MS = 240_000;

/**
 * All receivers are down until every circuit breaker is open, in the long form until it has also probed in vain. Most
 * messages wait behind it and are not tried. Then the receivers are up, and all messages have to be sent without
 * intervention.
 */
export const PROVIDER_DOWN: Fault = {
  name: 'a provider down for long',
  on: ['postgres', 'redis'],
  async strike({ standIn, postgres, sms, wired }, traffic, { isShort }) {
    const count = countIn(postgres);
    await standIn.goDown();
    const { ids } = await traffic.burst(20, 500, sms);
    ids.push(...(await traffic.burst(20, 500, wired)).ids);
    const probed = PROBED(isShort ? PROBES.short : PROBES.long);
    await until(
      'every circuit breaker was open for long',
      async () => (await count('circuit_breaker', probed)) === DESTINATIONS,
      KNOWN_WITHIN_MS,
    );
    if ((await count('outbox', `${of(ids)} and state <> 'PENDING'`)) > 0)
      throw new Error('something was sent, or given up, while nobody listened');
    await standIn.comeBack();
    const [{ now }] = (await postgres.patiently((sql) => sql`select clock_timestamp()::text as now`)) as [
      { now: string },
    ];
    const owed = `state = 'PENDING' and created_at < '${now}'`;
    const isOver = async () => (await count('circuit_breaker', OPEN)) + (await count('outbox', owed)) === 0;
    await until('all that was owed was sent', isOver, SENT_WITHIN_MS);
    const told = await count('outbox', `${of(ids)} and state in ('SENT', 'UNCONFIRMED')`);
    if (told < ids.length) throw new Error(`${told} of ${ids.length} were sent`);
    const given = await count('outbox', `state = 'DEAD'`);
    if (given > 0) throw new Error(`${given} were given up`);
  },
};

/** The messages to customers of conversations. */
const of = (ids: readonly string[]) =>
  `conversation_id = any('${arrayOf(ids)}'::uuid[]) and payload ? 'part'`;

const countIn =
  (postgres: World['postgres']) =>
  async (table: string, which: string): Promise<number> => {
    const rows = await postgres.patiently((sql) =>
      sql.unsafe<[{ count: number }]>(`select count(*)::int as count from ${table} where ${which}`),
    );
    return rows[0].count;
  };
