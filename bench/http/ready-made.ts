import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A page as the API answers it, in JSON. */
export type Page = { conversations: object };

/** The floor of reads: a server that has the answer ready before it is asked. */
export type ReadyMade = { url: string; close(): void };

/** Starts it in a process of its own. */
export async function startReadyMade(page: Page): Promise<ReadyMade> {
  const child = fork(fileURLToPath(new URL('../baselines/ready-made.ts', import.meta.url)));
  child.send(page);
  const [url] = (await once(child, 'message')) as [string];
  return { url, close: () => child.disconnect() };
}
