import { setTimeout as sleep } from 'node:timers/promises';
import type { Load, Traffic } from './traffic.ts';
import type { World } from './world.ts';

/** A database session: the name of its process, and the pid of its backend. */
export type Session = { who: string; pid: number };

/** Each row of a conversation takes a while to write, so that what writes many is caught in the middle. */
export const SLOWLY = 'if random() < 0.5 then perform pg_sleep(0.001); end if;';
/** The key of an advisory lock. While it is held, a batch stops at about every tenth conversation that it ends. */
const GATE = 4_711;
const STOPPING = `${SLOWLY} if new.status = 'ENDED' and random() < 0.1 then perform pg_advisory_xact_lock_shared(${GATE}); end if;`;
const BATCH = `usename like 'worker%' and query like '%update conversation set%' and wait_event = 'advisory'`;
const CAUGHT_WITHIN_MS = 60_000;
const MENDED_WITHIN_MS = 45_000;

/** Waits for a session in the middle of a statement, and returns it. @throws if there is none */
export async function caught({ postgres }: World, condition: string): Promise<Session> {
  return await postgres.sql(async (sql) => {
    const until = Date.now() + CAUGHT_WITHIN_MS;
    while (Date.now() < until) {
      const [found] = await sql.unsafe<Session[]>(
        `select usename as who, pid from pg_stat_activity where datname = current_database() and ${condition} limit 1`,
      );
      if (found) return found;
      await sleep(3);
    }
    throw new Error(`nobody was caught at ${condition}`);
  });
}

/** In the syntax of Postgres, because these connections do not know its arrays. */
export const arrayOf = (ids: readonly string[]) => `{${ids.join()}}`;

/** Waits until the condition holds. @throws if it never does */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  withinMs = MENDED_WITHIN_MS,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await sleep(50);
  }
}

/** A promise that runs in the background; its rejection is kept until it is asked for. */
export async function settled(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => null,
    (error: unknown) => error,
  );
}

/** @throws the error of a settled promise that was rejected */
export async function known(outcome: Promise<unknown>): Promise<void> {
  const error = await outcome;
  if (error !== null) throw error;
}

/** Stops a session in the middle of a batch of due conversations, and injects a fault into it; then the gate opens. */
export async function inMidBatch(
  world: World,
  traffic: Traffic,
  { burst }: Load,
  then: (batch: Session) => Promise<void> | void,
): Promise<void> {
  try {
    await world.postgres.sql(async (gate) => {
      await gate.unsafe(`select pg_advisory_lock(${GATE})`);
      await world.afflict(STOPPING);
      const reported = settled(traffic.burst(burst));
      const batch = await caught(world, BATCH);
      // The fault may be the end of this session, which opens the gate too.
      const opened = () => settled(gate.unsafe(`select pg_advisory_unlock(${GATE})`));
      await Promise.all([then(batch), opened()]);
      await world.afflict(null);
      await known(reported);
    });
  } finally {
    await world.afflict(null);
  }
}
