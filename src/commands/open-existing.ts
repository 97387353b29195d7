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

/** An existing database, as commands use it. */
export type Existing = { db: Database; rules: RulesCache };

/**
 * Opens an existing database without migrating it or creating a database or secret key. With READ_ONLY, Postgres
 * refuses every write.
 * @throws SetupError if there is no database (exit code 3), or it has another version (1)
 */
export async function withExisting(
  access: 'READ_ONLY' | 'READ_WRITE',
  act: (existing: Existing) => Promise<void>,
): Promise<void> {
  const config = readConfig();
  const log = createLog({ logLevel: 'warn' });
  const registry = createRegistry([...BUILT_IN, ...(await loadAdapters(config.adapterModules, BUILT_IN))]);
  const { address, stop } = await findDatabase(config, log);
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

async function findDatabase(
  { databaseUrl, dataDir }: Config,
  log: Log,
): Promise<{ address: DatabaseAddress; stop: () => Promise<void> }> {
  if (databaseUrl !== undefined) return { address: { url: databaseUrl }, stop: async () => {} };
  return await startEmbedded({ dataDir, log, ifThere: true });
}

const OTHER_VERSION: Readonly<Record<Exclude<MigrationState, 'CURRENT'>, string>> = {
  EMPTY: 'the database contains no tables of Lull',
  OLDER: 'the database has the schema of an older version of Lull',
  NEWER: 'the database was migrated by a newer version of Lull',
};

/** @throws SetupError with the next step */
function refuseOtherVersion(state: MigrationState): void {
  if (state === 'CURRENT') return;
  const advice =
    state === 'NEWER' ? 'run that version' : 'run `lull migrate`, or start `lull serve`, which does the same';
  throw new SetupError(`${OTHER_VERSION[state]}, and this command does not migrate it: ${advice}`);
}
