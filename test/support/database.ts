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

/** A slow machine may hold a lock, or stop within a transaction, for longer than the service allows: a test decides itself. */
export const PATIENT_SESSION = {
  statement_timeout: 110_000,
  lock_timeout: 110_000,
  idle_in_transaction_session_timeout: 110_000,
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
  const database = openDatabase(address, { connections: 6, waitMs: 110_000, session: PATIENT_SESSION });
  return {
    address,
    database,
    async drop() {
      await database.close();
      await onServer(server, (sql) => sql`drop database if exists ${sql(name)} with (force)`);
    },
  };
}
