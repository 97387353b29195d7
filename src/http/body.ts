import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission } from './admission.ts';
import type { BodyBudget, BodyOwner } from './body-memory.ts';
import { type EarlyAnswer, sendEarly } from './respond.ts';

/** How a body is read. */
export type ReadBody = {
  maxBytes: number;
  /** The time limit for the whole body. */
  withinMs: number;
  budget: BodyBudget;
  owner: BodyOwner;
  admission: Pick<Admission, 'refused'>;
  /** The minimum progress in each period. A slower body is refused. */
  pace?: Pace;
};
type Pace = { bytes: number; everyMs: number };

/** A body that was read. It is kept until it is released or its request has been answered. */
export type ReadWhole = { bytes: Uint8Array; free(): void };

/** 2 KB a second, which any connection can send. */
const PACE: Pace = { bytes: 10_000, everyMs: 5_000 };

const TOO_SLOW = { code: 'TIMEOUT', message: 'the body did not come in time' };
const EVICTED = {
  code: 'TIMEOUT',
  message: 'the body was slower than others, which need its memory: send it faster, and retry',
};
const FULL = {
  code: 'UNAVAILABLE',
  message: 'too much to do just now; nothing was done: try again in 1 s',
  retryAfterSeconds: 1,
};

/**
 * Reads the whole body of a request. Null if the request was answered instead: 413 for a body that is too long,
 * 408 for one that is too slow or was dropped in favour of another, 503 if there is no memory.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, withinMs, budget, owner, admission, pace = PACE }: ReadBody,
): Promise<ReadWhole | null> {
  const { promise, resolve } = Promise.withResolvers<ReadWhole | null>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let lately = 0;
  const refuse = (status: number, why: EarlyAnswer) => {
    settle(null);
    kept.free();
    // The response lives on while the rest of the body is drained.
    chunks.length = 0;
    sendEarly(request, response, status, why);
  };
  const kept = budget.open(owner, () => refuse(408, EVICTED));
  const tooLong = { code: 'TOO_LARGE', message: `a body of at most ${maxBytes} bytes is allowed` };
  const patience = setTimeout(() => refuse(408, TOO_SLOW), withinMs);
  const watch = setInterval(() => {
    if (lately < pace.bytes) refuse(408, TOO_SLOW);
    lately = 0;
  }, pace.everyMs);

  function settle(body: ReadWhole | null): void {
    clearTimeout(patience);
    clearInterval(watch);
    request.off('data', take).off('end', whole).off('error', gone).off('close', gone);
    // A caller that disconnects in the middle of a body sends no further event.
    request.on('error', () => {});
    resolve(body);
  }
  function take(chunk: Buffer): void {
    bytes += chunk.length;
    lately += chunk.length;
    if (bytes > maxBytes) refuse(413, tooLong);
    else if (kept.grow(chunk.length)) chunks.push(chunk);
    else if (!response.headersSent) {
      admission.refused('memory');
      refuse(503, FULL);
    }
  }
  function whole(): void {
    kept.complete();
    settle({ bytes: Buffer.concat(chunks), free: kept.free });
  }
  function gone(): void {
    settle(null);
    kept.free();
  }

  response.once('close', kept.free);
  if (Number(request.headers['content-length']) > maxBytes) refuse(413, tooLong);
  else if (response.destroyed) gone();
  else request.on('data', take).once('end', whole).once('error', gone).once('close', gone);
  return promise;
}
