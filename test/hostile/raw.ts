import { connect, type Socket } from 'node:net';
import type { Got } from './ask.ts';

/** An answer that takes longer counts as hung; this is not a measure of speed. */
const HUNG_MS = 20_000;

/** Opens a connection, writes what is given, byte for byte, and reads until the other side hangs up; unless it is asked to, this side does. */
export function sendRaw(base: string, bytes: string | Uint8Array): Promise<Got> {
  const { socket, closed } = openRaw(base);
  socket.write(bytes);
  if (!String(bytes).includes('connection: close')) socket.end();
  return closed;
}

/** A connection that is written to as one likes; `closed`: what was answered by the time the other side hung up. */
export function openRaw(base: string, hungMs = HUNG_MS): { socket: Socket; closed: Promise<Got> } {
  const { hostname, port } = new URL(base);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let text = '';
  const closed = new Promise<Got>((resolve, reject) => {
    const tooLong = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection is still open after ${hungMs} ms; it got: ${text}`));
    }, hungMs);
    socket.setEncoding('latin1').on('data', (data) => {
      text += data;
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearTimeout(tooLong);
      resolve(readAnswer(text));
    });
  });
  return { socket, closed };
}

/** The first answer on a connection, as far as it was received. */
function readAnswer(text: string): Got {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(status)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: unchunked(rest.join('\r\n\r\n'), Object.fromEntries(headers)),
  };
}

function unchunked(body: string, headers: Record<string, string>): string {
  if (headers['transfer-encoding'] !== 'chunked')
    return body.slice(
      0,
      headers['content-length'] === undefined ? undefined : Number(headers['content-length']),
    );
  let [text, left] = ['', body];
  for (;;) {
    const [, size, from] = /^([0-9a-f]+)\r\n()/d.exec(left)
      ? [0, Number.parseInt(left, 16), left.indexOf('\r\n') + 2]
      : [];
    if (size === undefined || from === undefined || size === 0) return text;
    text += left.slice(from, from + size);
    left = left.slice(from + size + 2);
  }
}
