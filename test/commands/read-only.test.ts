import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseAddress } from '../../src/db/address.ts';
import { openDatabase } from '../../src/db/client.ts';
import { MIGRATIONS, migrateDatabase } from '../../src/db/migrate.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { type Engine, openEngine } from '../support/engine.ts';
import { removeFolder, testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { onServer } from '../support/postgres.ts';
import { root } from '../support/run.ts';

const log = createLog({ logLevel: 'silent' });
const ID = '0190a000-0000-7000-8000-000000000001';
const folder = testFolder();
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
  await engine.writes('ada');
});
afterAll(async () => {
  await engine.drop();
  await removeFolder(folder);
});

/** Commands that may write, and say so. `keys revoke` writes what it is asked to, and nothing else. */
const WRITERS = ['serve', 'migrate', 'import', 'demo', 'keys create', 'keys revoke'];
/** All others, as they are run on a database. */
const READERS: Record<string, string[]> = {
  conversations: ['conversations', '--account', 'test'],
  explain: ['explain', ID, '--account', 'test'],
  lanes: ['lanes', '--account', 'test', '--counts'],
  'keys list': ['keys', 'list', '--account', 'test'],
  replay: ['replay', join(root, 'examples/support-timeline.csv')],
  'adapter new': ['adapter', 'new', 'acme-chat'],
};
/** Those that need no database. */
const WITHOUT = ['replay', 'adapter new'];
const ON_DATABASE = Object.keys(READERS).filter((name) => !WITHOUT.includes(name));

type Run = { status: number; stdout: string; stderr: string };
const dataDir = join(folder, 'data');

/** Runs a command in a folder of its own, with nothing of this process's environment but what finds programs. */
function lull(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = folder): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'src/cli.ts'), ...args],
      { cwd, env: { PATH: process.env.PATH, LULL_DATA_DIR: dataDir, ...env } },
      (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** The catalog, and every row of every table with the transaction that wrote it. */
function dump(address: DatabaseAddress): Promise<string> {
  return onServer(address, async (sql) => {
    const relations = await sql`
      select relation.oid, nspname, relname, relkind, relfilenode, relnatts from pg_class as relation
      join pg_namespace on pg_namespace.oid = relnamespace
      where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by relation.oid`;
    const tables = relations.filter(({ relkind }) => relkind === 'r' || relkind === 'S');
    const rows: unknown[] = [];
    for (const { nspname, relname } of tables)
      rows.push(
        await sql`select xmin::text, ctid::text, each.* from ${sql(nspname)}.${sql(relname)} as each order by ctid`,
      );
    const settings = await sql`select setdatabase, setconfig from pg_db_role_setting`;
    return JSON.stringify({ relations, rows, settings }, null, 1);
  });
}

/** Runs all read-only commands on a database, and checks that the database and the data folder are unchanged. */
async function runAll(address: DatabaseAddress): Promise<Record<string, Run>> {
  const before = await dump(address);
  const runs = await Promise.all(
    ON_DATABASE.map(async (name) => [
      name,
      await lull(READERS[name] as string[], { DATABASE_URL: urlOf(address) }),
    ]),
  );
  expect(await dump(address)).toBe(before);
  expect(existsSync(dataDir)).toBe(false);
  return Object.fromEntries(runs);
}
const all = (status: number, stderr: RegExp) =>
  Object.fromEntries(
    ON_DATABASE.map((name) => [
      name,
      expect.objectContaining({ status, stdout: '', stderr: expect.stringMatching(stderr) }),
    ]),
  );

describe('read-only commands', () => {
  it('the help of every database command says that it writes or that it is read-only', async () => {
    const commandsOf = async (...path: string[]): Promise<string[]> => {
      const { stdout } = await lull([...path, '--help']);
      const listed = stdout.split(/^Commands:$/m)[1] ?? '';
      const names = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name as string);
      const own = names.filter((name) => name !== 'help');
      if (own.length === 0) {
        const name = path.join(' ');
        const says = /\bWrites\b/.test(stdout) ? 'writes' : /\bRead-only\b/.test(stdout) ? 'reads' : null;
        if (WRITERS.includes(name)) expect([name, says]).toEqual([name, 'writes']);
        else if (!WITHOUT.includes(name)) expect([name, says]).toEqual([name, 'reads']);
        return [name];
      }
      return (await Promise.all(own.map((name) => commandsOf(...path, name)))).flat();
    };
    expect((await commandsOf()).sort()).toEqual([...WRITERS, ...Object.keys(READERS)].sort());
  }, 600_000);

  it('read a current database and change nothing', async () => {
    const runs = await runAll(engine.address);
    expect(runs.conversations?.stdout).toContain('WAITING');
    expect(runs.lanes?.stdout).toContain('WAITING');
    expect(runs['keys list']).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(runs.explain).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no such conversation'),
    });
  }, 600_000);

  it('refuse an empty database, name lull migrate and change nothing', async () => {
    const { address, drop } = await createEmptyDatabase();
    expect(await runAll(address)).toEqual(all(1, /no tables of Lull.*`lull migrate`/));
    await drop();
  }, 600_000);

  it('refuse an older and a newer schema, name the next step and change nothing', async () => {
    const { address, drop } = await createEmptyDatabase();
    const old = join(folder, 'old');
    mkdirSync(old);
    const names = readdirSync(MIGRATIONS).sort();
    for (const name of names.slice(0, -1))
      cpSync(join(MIGRATIONS, name), join(old, name), { recursive: true });
    await migrateDatabase(address, log, old);
    expect(await runAll(address)).toEqual(all(1, /the schema of an older version of Lull.*`lull migrate`/));
    await onServer(
      address,
      (sql) => sql`update drizzle.__drizzle_migrations set name = '99999999999999_later' where id = 1`,
    );
    expect(await runAll(address)).toEqual(all(1, /migrated by a newer version of Lull.*run that version/));
    await drop();
  }, 600_000);

  it('exit with code 3 if there is no embedded database, and create none', async () => {
    const runs = await Promise.all(ON_DATABASE.map((name) => lull(READERS[name] as string[])));
    for (const run of runs)
      expect(run).toMatchObject({
        status: 3,
        stdout: '',
        stderr: expect.stringMatching(/no database in .*lull serve/),
      });
    expect(existsSync(dataDir)).toBe(false);
  }, 600_000);

  it('commands that need no database open none', async () => {
    const cwd = join(folder, 'elsewhere');
    mkdirSync(cwd);
    const runs = await Promise.all(WITHOUT.map((name) => lull(READERS[name] as string[], {}, cwd)));
    expect(runs.map(({ status }) => status)).toEqual([0, 0]);
    expect(readdirSync(cwd)).toEqual(['acme-chat']);
    expect(existsSync(dataDir)).toBe(false);
    rmSync(cwd, { recursive: true });
  }, 600_000);

  it('use read-only sessions, in which Postgres refuses every write', async () => {
    const db = openDatabase(engine.address, { access: 'READ_ONLY', connections: 1 });
    await expect(db.sql`update account set name = 'other'`).rejects.toMatchObject({ code: '25006' });
    await expect(db.sql`create table made (id int)`).rejects.toMatchObject({ code: '25006' });
    await db.close();
  });
});
