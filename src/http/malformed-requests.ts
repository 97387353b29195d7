import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ALWAYS } from './respond.ts';

/** What a connection is answered with on which no whole request came, by Node's word for what is wrong with it. */
const ANSWERS: Record<string, readonly [status: string, code: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'TOO_LARGE', 'the headers are too long'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Content Too Large', 'TOO_LARGE', 'the body is too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'TIMEOUT', 'the request did not come in time'],
};
const NO_REQUEST = ['400 Bad Request', 'BAD_REQUEST', 'this is no HTTP request'] as const;

/** Answers what is no request, or does not come in time, as every other error is answered, and hangs up. */
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
  // Who goes on writing instead of reading is not waited for.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Whether the host that a request names is one that a URL can have; HTTP/1.0 need not name any. */
export function namesHost({ headers: { host }, httpVersion }: IncomingMessage): boolean {
  if (host === undefined) return httpVersion === '1.0';
  return /^[^\s/?#@\\]+$/.test(host) && URL.canParse(`http://${host}/`);
}
