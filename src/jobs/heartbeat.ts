import { writeHeartbeat } from '../db/rows/heartbeat.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';

const EVERY_MS = 15_000;

/**
 * Writes the heartbeat of a process whose API is up: now, every 15 s and at the stop. The next start reads from it since when
 * messages could not arrive (LL-7).
 */
export async function startHeartbeat(
  { db, clock }: Pick<EngineDeps, 'db' | 'clock'>,
  log: Log,
): Promise<{ stop(): Promise<void> }> {
  let running: Promise<void> | null = null;

  /** One beat at a time, so that a database that hangs gets no further statements. */
  function beat(): Promise<void> {
    running ??= write().finally(() => {
      running = null;
    });
    return running;
  }

  async function write(): Promise<void> {
    if (!clock.isTrusted()) return;
    try {
      await writeHeartbeat(db.sql, clock.now());
    } catch (error) {
      log.warn({ err: error }, 'the heartbeat could not be written');
    }
  }

  await beat();
  const timer = setInterval(() => void beat(), EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
      await beat();
    },
  };
}
