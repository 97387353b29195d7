import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { root } from './run.ts';

/** The service as a process of its own, in a process group of its own. */
export type ServiceProcess = {
  pid: number;
  /** What it wrote to stderr so far. */
  said(): string;
  /** Its address, once it says that it runs; null if it ends before, and for a worker, which has none. */
  running: Promise<string | null>;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
};

/** Starts the service, by default whole, with nothing of this process's environment but what finds programs. */
export function spawnService(env: NodeJS.ProcessEnv, ...program: string[]): ServiceProcess {
  const { PATH, HOME } = process.env;
  // In a group of its own, it would outlive a run that is killed.
  const bound = ['setpriv', '--pdeathsig', 'KILL'];
  const prefix = spawnSync('setpriv', ['true']).status === 0 ? bound : [];
  const [command = '', ...args] = [
    ...prefix,
    process.execPath,
    ...(program.length ? program : ['src/main.ts']),
  ];
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH, HOME, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  const running = Promise.withResolvers<string | null>();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    const url = /Lull is running on (http:\/\/[^\s"]+)/.exec(said)?.[1];
    if (url !== undefined) running.resolve(url);
    else if (said.includes('Lull is running as a worker')) running.resolve(null);
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    running.resolve(null);
    return { code, signal };
  });
  return {
    pid: child.pid as number,
    said: () => said,
    running: running.promise,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}
