import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Sql } from 'postgres';
import { type DatabaseAddress, postgresOptions } from '../../src/db/address.ts';
import { removeFolder, testFolder } from '../support/folder.ts';
import { openOwnTime } from './own-time.ts';

/** A Postgres for fault injection. If it exits, it is restarted, as by its operator. */
export type OwnPostgres = {
  address: DatabaseAddress;
  /** Connects while `run` runs. */
  sql<T>(run: (sql: Sql) => Promise<T>): Promise<T>;
  /** The same, and tries again while the database is unreachable. */
  patiently<T>(run: (sql: Sql) => Promise<T>): Promise<T>;
  /** The parent of all processes of the server. */
  postmaster(): number;
  /** The largest size of a file of any of its processes, in bytes; null: no limit. */
  limitFiles(bytes: number | null): void;
  /** Steps the clock of all of its processes by this offset from the machine's time; negative: behind it. */
  stepClock(aheadMs: number): void;
  log(): string;
  stop(): Promise<void>;
};

const PATIENCE_MS = 30_000;

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const folder = testFolder();
  const script = join(import.meta.dirname, '../support/embedded-child.ts');
  const time = openOwnTime();
  const args = [script, folder, JSON.stringify(time.env)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const [line] = await once(child.stdout, 'data');
  const { address } = JSON.parse(String(line)) as { address: DatabaseAddress };
  const postmaster = () => Number.parseInt(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8'), 10);
  return {
    address,
    sql: (run) => withClient(address, run),
    async patiently(run) {
      const until = Date.now() + PATIENCE_MS;
      for (;;) {
        try {
          return await withClient(address, run);
        } catch (error) {
          if (Date.now() > until) throw error;
          await sleep(100);
        }
      }
    },
    postmaster,
    limitFiles(bytes) {
      // While it restarts, there is no process.
      if (!existsSync(join(folder, 'postgres/postmaster.pid'))) return;
      const limit = `--fsize=${bytes ?? 'unlimited'}:`;
      const server = postmaster();
      // Only the owner of the process may do that.
      const { uid, gid } = statSync(`/proc/${server}`);
      for (const pid of [server, ...childrenOf(server)])
        spawnSync('prlimit', ['--pid', String(pid), limit], { uid, gid, cwd: '/' });
    },
    stepClock: time.step,
    log: () => readFileSync(join(folder, 'postgres.log'), 'utf8'),
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
      removeFolder(folder);
      time.close();
    },
  };
}

/** It does not load types: an error of a connection that breaks meanwhile could not be caught. */
async function withClient<T>(address: DatabaseAddress, run: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres({ ...postgresOptions(address), max: 1, fetch_types: false, onnotice: () => {} });
  try {
    return await run(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const status = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(status.slice(status.lastIndexOf(')') + 4).split(' ')[0]) === parent ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
