import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Requests to be sent, all alike but for their bodies. */
export type LoadJob = {
  url: string;
  headers: Record<string, string>;
  bodies: readonly string[];
  /** As many requests are under way at a time. */
  connections: number;
  /** How long the bodies are sent again and again; null: once each. */
  forMs: number | null;
  /** What an answer must not hold. */
  refused: string;
};

/** What came of a job. */
export type LoadResult = {
  /** From the first request to the last answer. */
  elapsedMs: number;
  /** Each request's time from sending to the end of its answer. */
  ms: number[];
  /** The first answer that was not as it should be; null: all were. */
  fault: string | null;
  /** One of the answers. */
  answer: string;
};

/** Sends requests from a process of its own, which shares its event loop with nobody. */
export type Load = { send(job: LoadJob): Promise<LoadResult>; close(): void };

/** Starts the process that sends. */
export function openLoad(): Load {
  const child = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)));
  return {
    async send(job) {
      child.send(job);
      const [result] = (await once(child, 'message')) as [LoadResult];
      if (result.fault !== null) throw new Error(`${job.url} answered ${result.fault.slice(0, 1000)}`);
      return result;
    },
    // It goes when nobody is left to talk to.
    close: () => child.disconnect(),
  };
}
