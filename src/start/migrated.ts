import type { Config } from '../config.ts';
import type { DatabaseAddress } from '../db/address.ts';
import { connectWithRetry, type Database } from '../db/client.ts';
import { startEmbedded } from '../db/embedded/embedded.ts';
import { migrateDatabase } from '../db/migrate.ts';
import type { Log } from '../log.ts';

type Closers = (() => Promise<void> | void)[];

/**
 * Migrates the database to this code's newest migration, as every start does, and then calls `act`. It loads no adapters
 * and needs no secret key.
 */
export async function withMigrated(
  config: Config,
  log: Log,
  act: (db: Database) => Promise<void>,
): Promise<void> {
  const closers: Closers = [];
  try {
    const address = await databaseAddress(config, log, closers);
    const db = await connectWithRetry(address, log);
    closers.push(() => db.close());
    await migrateDatabase(address, log);
    await act(db);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** The configured database, or the embedded one, which it starts; the function that stops it is added to `closers`. */
export async function databaseAddress(config: Config, log: Log, closers: Closers): Promise<DatabaseAddress> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl };
  const embedded = await startEmbedded({ dataDir: config.dataDir, log });
  closers.push(() => embedded.stop());
  return embedded.address;
}
