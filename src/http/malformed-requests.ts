import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ALWAYS } from './respond.ts';

/** The answer on a connection without a complete request, by Node's error code. */
const ANSWERS: Record<string, readonly [status: string, code: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'TOO_LARGE', 'the headers are too long'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Content Too Large', 'TOO_LARGE', 'the body is too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'TIMEOUT', 'the request did not come in time'],
};
const NO_REQUEST = ['400 Bad Request', 'BAD_REQUEST', 'this is no HTTP request'] as const;

/** Answers a malformed or late request in the format of every other error, and closes the connection. */
export function answerBroken(
  { code = '' }: NodeJS.ErrnoException,
  socket: Duplex,
  isAnswered: boolean,
): void {
  if (code === 'ECONNRESET' || !socket.writable || isAnswered) {
    socket.destroy();
    return;
  }
  const [status, ours, message] = ANSWERS[code] ?? NO_REQUEST;
  const body = JSON.stringify({ errors: [{ message, extensions: { code: ours } }] });
  const head = [
    `HTTP/1.1 ${status}`,
    ...['content-type: application/json; charset=utf-8', `content-length: ${body.length}`],
    ...Object.entries(ALWAYS).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ];
  // A client that keeps writing is not waited for.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Whether the Host header of a request is a valid host of a URL. HTTP/1.0 requests need none. */
export function namesHost({ headers: { host }, httpVersion }: IncomingMessage): boolean {
  if (host === undefined) return httpVersion === '1.0';
  return /^[^\s/?#@\\]+$/.test(host) && URL.canParse(`http://${host}/`);
}
