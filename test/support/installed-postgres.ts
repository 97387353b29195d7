import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseAddress } from '../../src/db/address.ts';
import { removeFolder, testFolder } from './folder.ts';

export type TestServer = { address: DatabaseAddress; stop(): Promise<void>; stopAtExit(): void };

/** Where Debian keeps the programs of the oldest Postgres that Lull runs on. */
export const OLDEST = '/usr/lib/postgresql/15/bin';

const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
const SETTINGS = {
  listen_addresses: '',
  max_connections: 200,
  shared_buffers: '128MB',
  // What is in it need not outlive the run.
  fsync: 'off',
  jit: 'off',
  timezone: 'UTC',
  log_min_messages: 'fatal',
};

/**
 * A Postgres made with the programs of a folder (`initdb`, `postgres`), which ends with this process however that ends.
 * `epoch`: what its transactions are numbered from, as pg_resetwal sets it.
 */
export async function startInstalled(bin: string, epoch = 0): Promise<TestServer> {
  const folder = testFolder();
  const data = join(folder, 'postgres');
  mkdirSync(data, { mode: 0o700 });
  const runAs = process.getuid?.() === 0 ? userOfPostgres() : null;
  if (runAs !== null) for (const path of [folder, data]) chownSync(path, runAs.uid, runAs.gid);
  const options = { ...runAs, cwd: '/', env: ENVIRONMENT };
  const access = ['--username=lull', '--auth-local=trust', '--auth-host=reject'];
  const initdb = [`--pgdata=${data}`, '--encoding=UTF8', '--locale=C.UTF-8', ...access, '--no-instructions'];
  const made = spawnSync(join(bin, 'initdb'), initdb, { ...options, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb of ${bin}: ${made.error?.message ?? made.stderr}`);
  if (epoch > 0) {
    const reset = spawnSync(join(bin, 'pg_resetwal'), [`--epoch=${epoch}`, `--pgdata=${data}`], {
      ...options,
      encoding: 'utf8',
    });
    if (reset.status !== 0) throw new Error(`pg_resetwal of ${bin}: ${reset.stderr}`);
  }

  const settings = { ...SETTINGS, unix_socket_directories: folder };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const follow = ['setpriv', '--pdeathsig', 'INT'];
  const works = spawnSync('setpriv', [...follow.slice(1), 'true']).status === 0;
  const [command, ...rest] = [...(works ? follow : []), join(bin, 'postgres'), '-D', data, ...args];
  const child = spawn(command as string, rest, {
    ...options,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  while (!isReady(data)) {
    if (child.exitCode !== null) throw new Error(`the Postgres of ${bin} did not start: ${said}`);
    await sleep(10);
  }
  child.unref();
  return {
    address: { host: folder, port: 5432, database: 'postgres', user: 'lull' },
    async stop() {
      const exited = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGINT')) await exited;
      removeFolder(folder);
    },
    stopAtExit() {
      child.kill('SIGINT');
      removeFolder(folder);
    },
  };
}

function isReady(data: string): boolean {
  const file = join(data, 'postmaster.pid');
  return existsSync(file) && readFileSync(file, 'utf8').split('\n')[7]?.startsWith('ready') === true;
}

function userOfPostgres(): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((which) =>
    Number(spawnSync('id', [which, 'postgres'], { encoding: 'utf8' }).stdout),
  );
  if (!uid || !gid) throw new Error('Postgres does not run as root, and there is no user postgres');
  return { uid, gid };
}
