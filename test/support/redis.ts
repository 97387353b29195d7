import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { removeFolder, testFolder } from './folder.ts';
import { programFor } from './need.ts';

export { requireOrSkip } from './need.ts';

export type TestRedis = { url: string; port: number; kill(): Promise<void>; stop(): Promise<void> };

/**
 * A Redis of our own on a free port, or on that of one that was killed, which keeps nothing; ask
 * `requireOrSkip('redis')` first.
 */
export async function startRedis(formerPort?: number): Promise<TestRedis> {
  const program = programFor('redis');
  if (program === null) throw new Error('redis is not installed');
  const folder = testFolder();
  const port = formerPort ?? (await freePort());
  const options = { bind: '127.0.0.1', port, hz: 100, dir: folder, save: '', appendonly: 'no' };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawnBound(program, args);
  await ready(child);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async kill() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      removeFolder(folder);
    },
    async stop() {
      const exited = once(child, 'exit');
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await exited;
      removeFolder(folder);
    },
  };
}

/** Ends with this process, also when that is killed. */
function spawnBound(program: string, args: string[]): ChildProcess {
  const prefix = ['setpriv', '--pdeathsig', 'TERM'];
  const works = spawnSync('setpriv', [...prefix.slice(1), 'true']).status === 0;
  const [command, ...rest] = [...(works ? prefix : []), program, ...args];
  return spawn(command as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    said += chunk;
    if (said.includes('Ready to accept connections')) {
      child.stdout?.resume();
      return;
    }
  }
  throw new Error(`redis did not start: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
