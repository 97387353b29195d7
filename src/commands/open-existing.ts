import { requireAdapters } from '../accounts/adapters-in-use.ts';
import { channelSetup } from '../adapters/adapter.ts';
import { BUILT_IN } from '../adapters/built-in.ts';
import { createRegistry } from '../adapters/registry.ts';
import { type Config, readConfig } from '../config.ts';
import type { DatabaseAddress } from '../db/address.ts';
import { connectWithRetry, type Database } from '../db/client.ts';
import { startEmbedded } from '../db/embedded/embedded.ts';
import { type MigrationState, migrationState } from '../db/readiness.ts';
import { SetupError } from '../domain/errors.ts';
import type { RulesCache } from '../engine.ts';
import { createLog, type Log } from '../log.ts';
import { openRulesCache } from '../rules/rules-cache.ts';
import { loadAdapters } from '../start/load-adapters.ts';

/** A database that is there, as commands read it. */
export type Existing = { db: Database; rules: RulesCache };

/**
 * Opens the database as it is, for a command that only reads, or writes no more than what it is asked to: nothing is
 * migrated, no secret key is made or tied to it, no database is made where there is none. READ_ONLY: the sessions are
 * such that Postgres itself refuses to write.
 * @throws SetupError where there is no database (exit code 3), or it is not of this version (1)
 */
export async function withExisting(
  access: 'READ_ONLY' | 'READ_WRITE',
  act: (existing: Existing) => Promise<void>,
): Promise<void> {
  const config = readConfig();
  const log = createLog({ logLevel: 'warn' });
  const registry = createRegistry([...BUILT_IN, ...(await loadAdapters(config.adapterModules, BUILT_IN))]);
  const { address, stop } = await databaseThere(config, log);
  try {
    const db = await connectWithRetry(address, log, { access, connections: 4 });
    try {
      refuseOtherVersion(await migrationState(db));
      await requireAdapters(
        db.sql,
        registry.list().map(({ id }) => id),
      );
      const rules = openRulesCache(db.sql, (adapter, settings) =>
        channelSetup(registry.get(adapter), settings),
      );
      await act({ db, rules });
    } finally {
      await db.close();
    }
  } finally {
    await stop();
  }
}

async function databaseThere(
  { databaseUrl, dataDir }: Config,
  log: Log,
): Promise<{ address: DatabaseAddress; stop: () => Promise<void> }> {
  if (databaseUrl !== undefined) return { address: { url: databaseUrl }, stop: async () => {} };
  return await startEmbedded({ dataDir, log, ifThere: true });
}

const OTHER_VERSION: Readonly<Record<Exclude<MigrationState, 'CURRENT'>, string>> = {
  EMPTY: 'there is nothing of Lull in this database yet',
  OLDER: 'this database is of an older version of Lull',
  NEWER: 'this database was migrated by a newer version of Lull',
};

/** @throws SetupError saying what to do */
function refuseOtherVersion(state: MigrationState): void {
  if (state === 'CURRENT') return;
  const advice =
    state === 'NEWER' ? 'run that version' : 'run `lull migrate`, or start `lull serve`, which does the same';
  throw new SetupError(`${OTHER_VERSION[state]}, and this command changes nothing: ${advice}`);
}
