import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyOwner, BodyRoom } from './body-memory.ts';
import type { Door } from './overload.ts';
import { type EarlyAnswer, sendEarly } from './respond.ts';

/** What a body is read with. */
export type ReadBody = {
  maxBytes: number;
  /** How long all of it may take. */
  withinMs: number;
  room: BodyRoom;
  owner: BodyOwner;
  door: Pick<Door, 'refused'>;
  /** How much has to come in each time of so long; less is too slow. */
  pace?: Pace;
};
type Pace = { bytes: number; everyMs: number };

/** A body that was read, and is kept until it is freed or its request has been answered. */
export type ReadWhole = { bytes: Uint8Array; free(): void };

/** 2 KB a second: a telephone line of old is faster. */
const PACE: Pace = { bytes: 10_000, everyMs: 5_000 };

const TOO_SLOW = { code: 'TIMEOUT', message: 'the body did not come in time' };
const EVICTED = { code: 'TIMEOUT', message: 'the body came more slowly than others, which need its room' };
const FULL = {
  code: 'UNAVAILABLE',
  message: 'too much to do just now; nothing was done: try again in 1 s',
  retryAfterSeconds: 1,
};

/**
 * Reads the whole body of a request. Null where it has been answered: 413 for one that is too long; 408 for one that
 * comes too slowly, or loses its room to another; 503 where there is no room for it.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, withinMs, room, owner, door, pace = PACE }: ReadBody,
): Promise<ReadWhole | null> {
  const { promise, resolve } = Promise.withResolvers<ReadWhole | null>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let lately = 0;
  const refuse = (status: number, why: EarlyAnswer) => {
    settle(null);
    kept.free();
    sendEarly(request, response, status, why);
  };
  const kept = room.open(owner, () => refuse(408, EVICTED));
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
    // Who hangs up in the middle of a body is not heard of any more.
    request.on('error', () => {});
    resolve(body);
  }
  function take(chunk: Buffer): void {
    bytes += chunk.length;
    lately += chunk.length;
    if (bytes > maxBytes) refuse(413, tooLong);
    else if (kept.grow(chunk.length)) chunks.push(chunk);
    else if (!response.headersSent) {
      door.refused('memory');
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
