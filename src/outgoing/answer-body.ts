import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';

/** Decompression by the value of `content-encoding`. */
const DECOMPRESSORS: ReadonlyMap<string, (body: Uint8Array, maxOutputLength: number) => Promise<Uint8Array>> =
  new Map(
    Object.entries({ gzip: gunzip, 'x-gzip': gunzip, deflate: inflate, br: brotliDecompress }).map(
      ([name, decompress]) => {
        const decompressed = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(decompress);
        return [name, (body, maxOutputLength) => decompressed(body, { maxOutputLength })];
      },
    ),
  );

/**
 * Reads and decompresses a response body. Null if it is longer than `maxBytes` before or after decompression, is
 * truncated, or cannot be decompressed; the rest is then not read, and the connection is closed.
 */
export async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Uint8Array | null> {
  response.on('error', () => {});
  const body = await readUpTo(response, maxBytes);
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (body === null || body.length === 0 || encoding === 'identity') return body;
  try {
    return (await DECOMPRESSORS.get(encoding)?.(body, maxBytes)) ?? null;
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
    // Leaving the loop before the end of the body destroys the connection.
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
