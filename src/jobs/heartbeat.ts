import { writeHeartbeat } from '../db/rows/heartbeat.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';

const EVERY_MS = 15_000;

/**
 * Keeps the service's heartbeat, by which the next start knows since when messages could not arrive (LL-7): a beat
 * now, one every 15 s and a last one at the end, as best it can. Only for a process whose API is up.
 */
export async function startHeartbeat(
  { db, clock }: Pick<EngineDeps, 'db' | 'clock'>,
  log: Log,
): Promise<{ stop(): Promise<void> }> {
  let running: Promise<void> | null = null;

  /** One at a time: a database that hangs is not asked again. */
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
