import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { removeFolder, testFolder } from '../support/folder.ts';

const log = createLog({ logLevel: 'silent' });
let test: TestDatabase;
let folder: string;

beforeAll(() => {
  folder = testFolder();
  addMigration('20260101000000_first', 'create table counted (n int);');
  addMigration(
    '20260102000000_second',
    'select pg_sleep(0.2);--> statement-breakpoint\ninsert into counted values (1);',
  );
});
afterAll(() => removeFolder(folder));
beforeEach(async () => {
  test = await createEmptyDatabase();
});
afterEach(() => test.drop());

function addMigration(name: string, sql: string, to = folder): void {
  mkdirSync(join(to, name));
  writeFileSync(join(to, name, 'migration.sql'), sql);
}

async function counted(): Promise<number> {
  const [row] = await test.database.sql<[{ n: number }]>`select count(*)::int as n from counted`;
  return row.n;
}

it('each migration runs once, however often a process migrates', async () => {
  await migrateDatabase(test.address, log, folder);
  await migrateDatabase(test.address, log, folder);
  expect(await counted()).toBe(1);
});

it('if several processes start at once, one migrates and all succeed', async () => {
  const script = join(import.meta.dirname, '../support/migrate-child.ts');
  const ends = Array.from({ length: 4 }, async () => {
    const child = spawn(process.execPath, [script, JSON.stringify(test.address), folder], {
      stdio: 'inherit',
    });
    return new Promise((resolve) => child.once('exit', resolve));
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0]);
  expect(await counted()).toBe(1);
});

it('a database that a newer version migrated is refused and not changed', async () => {
  await migrateDatabase(test.address, log, folder);
  const { sql } = test.database;
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at, name) values ('x', 0, '20990101000000_later')`;
  await expect(migrateDatabase(test.address, log, folder)).rejects.toMatchObject({
    code: 'SETUP',
    message: expect.stringContaining('20990101000000_later'),
  });
  expect(await counted()).toBe(1);
});

it('a failed migration says why, changes nothing, and can be run again', async () => {
  const broken = testFolder();
  addMigration(
    '20260101000000_first',
    'create table counted (n int);--> statement-breakpoint\nselect 1 / 0;',
    broken,
  );
  await expect(migrateDatabase(test.address, log, broken)).rejects.toMatchObject({
    code: 'SETUP',
    message: expect.stringContaining('division by zero'),
  });
  removeFolder(broken);
  await migrateDatabase(test.address, log, folder);
  expect(await counted()).toBe(1);
});
