import type { IncomingMessage, ServerResponse } from 'node:http';
import { LullError } from '../domain/errors.ts';

/** An error that is found before GraphQL gets the request. */
const STATUS: Record<string, number> = {
  INVALID_INPUT: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  UNAVAILABLE: 503,
};

/** The headers of every answer: it is neither cached nor interpreted as another type. */
export const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Retry-After when the database, or anything else, failed. */
const RETRY_AFTER_SECONDS = 5;

/** How much of a request, and for how long, is read after its answer before the connection is closed. */
const DRAIN_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 3_000;

/** Answers with JSON. */
export function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...ALWAYS });
  response.end(JSON.stringify(body));
}

/** Answers in the format of a GraphQL error, so that every client can read it. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, errorBody(code, message));
}

/** Answers 503 with Retry-After. */
export function sendUnavailable(
  response: ServerResponse,
  message = 'not possible just now; try again',
  retryAfterSeconds = RETRY_AFTER_SECONDS,
): void {
  response.setHeader('retry-after', retryAfterSeconds);
  send(response, 503, errorBody('UNAVAILABLE', message, { retryAfterSeconds }));
}

/** An answer to a request whose body is incomplete. */
export type EarlyAnswer = { code: string; message: string; retryAfterSeconds?: number };

/**
 * Answers a request before its body is complete, and closes its connection. If it were closed at once, the client
 * would lose the answer while it sends. Therefore the rest of the body is read and dropped, up to a limit.
 */
export function sendEarly(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { code, message, ...more }: EarlyAnswer,
): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(JSON.stringify(errorBody(code, message, more)));
  if (more.retryAfterSeconds !== undefined) response.setHeader('retry-after', more.retryAfterSeconds);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    connection: 'close',
    ...ALWAYS,
  });
  // The whole answer has been handed to the system; ending it only closes the connection.
  response.write(body);
  let drained = 0;
  const end = () => {
    clearTimeout(tooLong);
    request.off('data', drop);
    response.end();
  };
  const drop = (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > DRAIN_BYTES) end();
  };
  const tooLong = setTimeout(end, DRAIN_MS);
  if (request.complete) end();
  else request.on('data', drop).once('end', end).once('error', end).once('close', end).resume();
}

/** Answers with a typed error and its fields. Throws any other error, which is a bug. */
export function sendOurs(response: ServerResponse, error: unknown): void {
  const status = error instanceof LullError ? STATUS[error.code] : undefined;
  if (!(error instanceof LullError) || status === undefined) throw error;
  const { name: _name, ...extensions } = { ...error };
  if ('retryAfterSeconds' in error) response.setHeader('retry-after', String(error.retryAfterSeconds));
  send(response, status, { errors: [{ message: error.message, extensions }] });
}

function errorBody(code: string, message: string, more: object = {}): object {
  return { errors: [{ message, extensions: { code, ...more } }] };
}
