import { writeHeartbeat } from '../db/rows/heartbeat.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { runEvery } from './run-every.ts';

const EVERY_MS = 15_000;

/**
 * Writes the heartbeat of a process whose API is up: now, every 15 s and at the stop. The next start reads from it since when
 * messages could not arrive (LL-7).
 */
export async function startHeartbeat(
  { db, clock }: Pick<EngineDeps, 'db' | 'clock'>,
  log: Log,
): Promise<{ stop(): Promise<void> }> {
  async function beat(): Promise<void> {
    if (!clock.isTrusted()) return;
    try {
      await writeHeartbeat(db.sql, clock.now());
    } catch (error) {
      log.warn({ err: error }, 'the heartbeat could not be written');
    }
  }

  await beat();
  const beats = runEvery(EVERY_MS, beat);
  return {
    async stop() {
      await beats.stop();
      await beat();
    },
  };
}
