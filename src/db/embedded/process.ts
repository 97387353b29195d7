import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fchmodSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, type EmbeddedFolder, ENVIRONMENT, PRIVATE_FILE } from './folder.ts';

/** The port in the socket's name. */
export const PORT = 5432;

/** A Postgres that runs in the folder; `child` is null if another process of Lull started it. */
export type Server = { pid: number; socketDir: string; child: ChildProcess | null };

const SETTINGS = {
  listen_addresses: '',
  port: PORT,
  max_connections: 200,
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  random_page_cost: 1.1,
  jit: 'off',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // The rows of a lane change all the time: small and frequent vacuums keep the indexes short.
  autovacuum_naptime: '10s',
  autovacuum_vacuum_scale_factor: 0.05,
  autovacuum_analyze_scale_factor: 0.05,
  autovacuum_vacuum_cost_limit: 1000,
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Lull logs the errors of its statements itself.
  log_min_messages: 'log',
  log_checkpoints: 'off',
};
const LONGEST_LOG_BYTES = 1_000_000;

/** The server that runs in the folder and is ready, by its pid file; null if there is none. */
export function runningServer(folder: EmbeddedFolder): Server | null {
  const lines = readPidFile(folder);
  if (lines === null || !lines[7]?.startsWith('ready')) return null;
  const pid = Number(lines[0]);
  return isPostgres(pid, folder) ? { pid, socketDir: lines[4] ?? folder.socketDir, child: null } : null;
}

/** Whether the process of the server still runs. */
export function isAlive({ pid, child }: Server): boolean {
  if (child !== null) return child.exitCode === null && child.signalCode === null;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Starts Postgres and waits until it is ready, through a recovery too. `failure`: why it did not start, from its log. */
export async function launch(
  folder: EmbeddedFolder,
  binaries: Binaries,
): Promise<Server | { failure: string }> {
  removeStalePidFile(folder);
  if (existsSync(folder.log) && statSync(folder.log).size > LONGEST_LOG_BYTES) truncateSync(folder.log);
  const logFrom = existsSync(folder.log) ? statSync(folder.log).size : 0;
  const child = spawnPostgres(folder, binaries);
  let spawnError: Error | null = null;
  child.on('error', (error) => {
    spawnError = error;
  });
  for (;;) {
    await sleep(10);
    if (spawnError !== null) return { failure: (spawnError as Error).message };
    if (child.exitCode !== null || child.signalCode !== null)
      return { failure: reasonInLog(folder, logFrom) };
    const server = runningServer(folder);
    if (server !== null && server.pid === child.pid) return { ...server, child };
  }
}

/** Stops a server that this process started. Its clients are disconnected; everything they committed stays. */
export async function stopServer(server: Server): Promise<void> {
  const { child } = server;
  if (child === null || !isAlive(server)) return;
  child.ref();
  const exited = once(child, 'exit');
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    child.kill(signal);
    const patience = new AbortController();
    await Promise.race([exited, sleep(10_000, null, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    if (!isAlive(server)) return;
  }
}

/** Starts Postgres in a session of its own, so that Ctrl-C reaches only Lull, which drains first. It ends when Lull does. */
function spawnPostgres(folder: EmbeddedFolder, binaries: Binaries): ChildProcess {
  const settings = { ...SETTINGS, unix_socket_directories: folder.socketDir };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [...followParent(), binaries.postgres, '-D', folder.data, ...args];
  const log = openSync(folder.log, 'a', PRIVATE_FILE);
  fchmodSync(log, PRIVATE_FILE);
  try {
    const child = spawn(command[0] as string, command.slice(1), {
      ...folder.runAs,
      cwd: '/',
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

function followParent(): string[] {
  const prefix = ['setpriv', '--pdeathsig', 'INT'];
  const works = spawnSync('setpriv', [...prefix.slice(1), 'true'], { env: ENVIRONMENT }).status === 0;
  return works ? prefix : [];
}

/** After a container was killed, its pid may belong to another process, which Postgres would mistake for itself. */
function removeStalePidFile(folder: EmbeddedFolder): void {
  const pid = Number(readPidFile(folder)?.[0]);
  if (!pid || !existsSync(`/proc/${pid}`) || isPostgres(pid, folder)) return;
  rmSync(join(folder.data, 'postmaster.pid'), { force: true });
  rmSync(join(folder.socketDir, `.s.PGSQL.${PORT}.lock`), { force: true });
}

/** Whether a process is this folder's Postgres. On systems without /proc, any running process counts. */
function isPostgres(pid: number, folder: EmbeddedFolder): boolean {
  if (!existsSync('/proc/self/cmdline')) return isAlive({ pid, socketDir: '', child: null });
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folder.data);
  } catch {
    return false;
  }
}

function readPidFile(folder: EmbeddedFolder): string[] | null {
  try {
    return readFileSync(join(folder.data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
}

function reasonInLog(folder: EmbeddedFolder, logFrom: number): string {
  const lines = readFileSync(folder.log).subarray(logFrom).toString('utf8').trim().split('\n');
  return lines.findLast((line) => line.includes('FATAL')) ?? lines.at(-1) ?? '';
}
