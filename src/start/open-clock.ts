import { v7 } from 'uuid';
import { type Clock, startClock } from '../clock.ts';
import { type Database, readDatabaseTime } from '../db/client.ts';
import { openClockExchange } from '../db/clock-opinions.ts';
import type { Log } from '../log.ts';
import { recordStep } from '../rules/downtime.ts';

/**
 * Work that must be done before anything is ended: before other processes that start continue, or once the time is
 * confirmed.
 */
export type Beforehand = (parts: { db: Database; clock: Clock; log: Log }) => Promise<void>;

/**
 * Starts the clock of the process. A service also tells other processes whether it trusts the database's clock,
 * and does its initial work. The function that stops it is added to `closers`.
 */
export async function openClock(
  db: Database,
  log: Log,
  beforehand: Beforehand | null,
  closers: (() => Promise<void> | void)[],
): Promise<Clock & { offsetMs(): number }> {
  const readTime = () => readDatabaseTime(db);
  if (beforehand === null) {
    const clock = await startClock({ readDatabaseTime: readTime, log });
    closers.push(() => clock.stop());
    return clock;
  }
  const opinions = openClockExchange(db.sql, v7());
  closers.push(() => opinions.forget().catch(() => {}));
  const clock = await startClock({
    readDatabaseTime: readTime,
    exchange: opinions.exchange,
    log,
    async resume({ kind }, since, now) {
      if (kind === 'START') return await beforehand({ db, clock: { ...clock, now: () => now }, log });
      const step = await recordStep({ db, newId: () => v7() }, since, now);
      if (step) log.warn(step, 'the clock was put ahead; that time does not count');
    },
  });
  closers.push(() => clock.stop());
  return clock;
}
