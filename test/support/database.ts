import { inject } from 'vitest';
import { type DatabaseAddress, inDatabase } from '../../src/db/address.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { onServer } from './postgres.ts';

export type TestDatabase = {
  address: DatabaseAddress;
  database: Database;
  /** Closes `database` and removes it, whoever is still connected. */
  drop(): Promise<void>;
};

/** Shorter than the time limit of a test. */
const LIMIT_MS = 110_000;
/** Time limits that a slow machine keeps, unlike those of the service: a test may hold a lock for as long as it needs. */
export const PATIENT_SESSION = {
  statement_timeout: LIMIT_MS,
  lock_timeout: LIMIT_MS,
  idle_in_transaction_session_timeout: LIMIT_MS,
};

let made = 0;

/** A fresh database with every migration applied, in about 30 ms; one for each test file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { address: server, prefix } = inject('testServer');
  return createFrom(server, `${prefix}_template`, `${prefix}_${process.pid}_${++made}`);
}

/** A fresh database with nothing in it. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const { address: server, prefix } = inject('testServer');
  return createFrom(server, 'template0', `${prefix}_${process.pid}_${++made}`);
}

async function createFrom(server: DatabaseAddress, template: string, name: string): Promise<TestDatabase> {
  await onServer(server, (sql) => sql`create database ${sql(name)} template ${sql(template)}`);
  const address = inDatabase(server, name);
  const database = openDatabase(address, { connections: 6, waitMs: LIMIT_MS, session: PATIENT_SESSION });
  return {
    address,
    database,
    async drop() {
      await database.close();
      await onServer(server, (sql) => sql`drop database if exists ${sql(name)} with (force)`);
    },
  };
}
