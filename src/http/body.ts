import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendError } from './answer.ts';
import type { Door } from './overload.ts';

/**
 * Reads the whole body of a request. Null where it has been answered: 413 for one that is too long, which is not read
 * to its end; 408 for one that takes too long; 503 where there is no room for it.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  withinMs: number,
  door: Pick<Door, 'keep' | 'refuse'>,
): Promise<Uint8Array | null> {
  const tooLong = () => {
    response.setHeader('connection', 'close');
    sendError(response, 413, 'TOO_LARGE', `a body of at most ${maxBytes} bytes is allowed`);
    return null;
  };
  if (Number(request.headers['content-length']) > maxBytes) return tooLong();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let keptBytes = 0;
  response.once('close', () => door.keep(-keptBytes));
  const tooSlow = setTimeout(() => {
    response.setHeader('connection', 'close');
    response.once('finish', () => request.destroy());
    sendError(response, 408, 'TIMEOUT', 'the body did not come in time');
  }, withinMs);
  try {
    // To stop reading is not to hang up: the answer has still to go out.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return tooLong();
      if (!door.keep(chunk.length)) {
        response.setHeader('connection', 'close');
        door.refuse(response, 'memory');
        return null;
      }
      keptBytes += chunk.length;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    // The caller hung up, or was too slow, which it has been told.
    return null;
  } finally {
    clearTimeout(tooSlow);
  }
}
