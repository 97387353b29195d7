import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';

/** How bodies may be packed, as `content-encoding` has it. */
const UNPACKERS: ReadonlyMap<string, (body: Uint8Array, maxOutputLength: number) => Promise<Uint8Array>> =
  new Map(
    Object.entries({ gzip: gunzip, 'x-gzip': gunzip, deflate: inflate, br: brotliDecompress }).map(
      ([name, unpack]) => {
        const unpacked = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(unpack);
        return [name, (body, maxOutputLength) => unpacked(body, { maxOutputLength })];
      },
    ),
  );

/**
 * Reads the body of an answer, unpacked. Null where it is longer than `maxBytes`, as it comes or unpacked, where it
 * breaks off, or where it cannot be unpacked: then the rest is not read, and its connection is ended.
 */
export async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Uint8Array | null> {
  response.on('error', () => {});
  const body = await readUpTo(response, maxBytes);
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (body === null || body.length === 0 || encoding === 'identity') return body;
  try {
    return (await UNPACKERS.get(encoding)?.(body, maxBytes)) ?? null;
  } catch {
    return null;
  }
}

async function readUpTo(response: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  if (maxBytes === 0 || Number(response.headers['content-length'] ?? 0) > maxBytes) {
    response.destroy();
    return null;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // An end of the loop before that of the body destroys the connection.
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}
