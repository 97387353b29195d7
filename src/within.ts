import { setTimeout as delay } from 'node:timers/promises';

/** Rejects if the work has not settled after `limitMs`; the work itself goes on. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const timeout = delay(limitMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${what} did not answer within ${limitMs} ms`);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timeout.catch(() => undefined);
    abort.abort();
  }
}
