import { spawn } from 'node:child_process';
import { join } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { type DatabaseAddress, inDatabase, postgresOptions } from '../../src/db/address.ts';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { createLog } from '../../src/log.ts';
import { removeFolder, removeLeftFolders, testFolder } from './folder.ts';
import { startInstalled, type TestServer } from './installed-postgres.ts';
import { partitionByAccount } from './partitioned.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server that all test databases live on, and the beginning of their names in this run. */
    testServer: { address: DatabaseAddress; prefix: string };
  }
}

const log = createLog({ logLevel: 'warn' });

/**
 * One Postgres for the whole run, with a migrated template; gone at the end, also when the run is interrupted. It is the
 * server at TEST_DATABASE_URL, or one of the programs in LULL_TEST_POSTGRES (`/usr/lib/postgresql/15/bin`), or the
 * embedded one. LULL_TEST_PARTITIONS has every table divided by account into as many parts.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftFolders();
  const prefix = `lull_test_${process.pid}`;
  const { TEST_DATABASE_URL: url, LULL_TEST_POSTGRES: bin } = process.env;
  const { address, stop, stopAtExit } = url
    ? givenServer(url, prefix)
    : await (bin ? startInstalled(bin) : ownServer());
  // An interrupted run exits at once, without a teardown.
  process.once('exit', stopAtExit);
  const template = `${prefix}_template`;
  await onServer(address, (sql) => sql`create database ${sql(template)}`);
  await migrateDatabase(inDatabase(address, template), log);
  const parts = Number(process.env.LULL_TEST_PARTITIONS ?? 0);
  if (parts > 0) await onServer(inDatabase(address, template), (sql) => partitionByAccount(sql, parts));
  project.provide('testServer', { address, prefix });
  return async () => {
    process.off('exit', stopAtExit);
    await stop();
  };
}

/** An embedded Postgres, which ends with this process however that ends. */
async function ownServer(): Promise<TestServer> {
  const folder = testFolder();
  const { address, stop } = await startEmbedded({ dataDir: folder, log });
  // What is in it need not outlive the run.
  for (const setting of ['fsync = off', 'full_page_writes = off', "max_wal_size = '4GB'"])
    await onServer(address, (sql) => sql.unsafe(`alter system set ${setting}`));
  await onServer(address, (sql) => sql`select pg_reload_conf()`);
  return {
    address,
    async stop() {
      await stop();
      removeFolder(folder);
    },
    stopAtExit: () => removeFolder(folder),
  };
}

function givenServer(url: string, prefix: string): TestServer {
  const address = { url };
  return {
    address,
    stop: () => dropDatabases(address, prefix),
    stopAtExit() {
      const script = join(import.meta.dirname, 'drop-child.ts');
      const args = [script, JSON.stringify(address), prefix, String(process.pid)];
      spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref();
    },
  };
}

/** Connects to the database of the address for as long as `run` takes. */
export async function onServer<T>(
  address: DatabaseAddress,
  run: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres({ ...postgresOptions(address), max: 1, onnotice: () => {} });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

/** Drops every database whose name begins so, whoever is connected. */
export async function dropDatabases(address: DatabaseAddress, prefix: string): Promise<void> {
  await onServer(address, async (sql) => {
    const found = await sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${`${prefix}_`})`;
    for (const { name } of found) await sql`drop database if exists ${sql(name)} with (force)`;
  });
}
