import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A load that one account keeps up while others are measured. */
export type AttackJob =
  | {
      kind: 'ask';
      url: string;
      headers: Record<string, string>;
      /** Sent again and again, in turns. */
      bodies: readonly string[];
      connections: number;
      /** How long a connection waits after an answer that is not 200. */
      pauseMs: number;
    }
  | { kind: 'listen'; url: string; headers: Record<string, string>; body: string; count: number }
  | { kind: 'slow'; url: string; bytes: number; count: number }
  | { kind: 'serve' };

/** Starts a process that does it; what is returned ends it at once. */
export function attack(jobs: readonly AttackJob[]): () => void {
  const child = start();
  for (const job of jobs) child.send(job);
  return () => void child.kill('SIGKILL');
}

/** Starts a provider that answers nothing at `/hang`, and without an end at `/flood`. */
export async function startProvider(): Promise<{ url: string; stop: () => void }> {
  const child = start();
  child.send({ kind: 'serve' } satisfies AttackJob);
  const [port] = await once(child, 'message');
  return { url: `http://127.0.0.1:${port}`, stop: () => void child.kill('SIGKILL') };
}

function start() {
  const child = fork(fileURLToPath(new URL('attacker-process.ts', import.meta.url)));
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}
