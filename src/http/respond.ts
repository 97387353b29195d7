import type { IncomingMessage, ServerResponse } from 'node:http';
import { LullError } from '../domain/errors.ts';

/** What an error that is found before GraphQL sees a request is answered with. */
const STATUS: Record<string, number> = {
  INVALID_INPUT: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  UNAVAILABLE: 503,
};

/** What every answer has: nobody keeps it, and nobody takes it for something else than it says. */
export const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** When to come back where the database, or anything else, failed. */
const RETRY_AFTER_SECONDS = 5;

/** Of what is still sent after its answer so much is taken in, for so long, before the connection is closed. */
const DRAIN_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 3_000;

/** Answers in JSON. */
export function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...ALWAYS });
  response.end(JSON.stringify(body));
}

/** Answers in the form of a GraphQL error, so that every client can read it. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, errorBody(code, message));
}

/** Answers that it is not possible just now, and when to try again. */
export function sendUnavailable(
  response: ServerResponse,
  message = 'not possible just now; try again',
  retryAfterSeconds = RETRY_AFTER_SECONDS,
): void {
  response.setHeader('retry-after', retryAfterSeconds);
  send(response, 503, errorBody('UNAVAILABLE', message, { retryAfterSeconds }));
}

/** What a request is answered before all of it has come. */
export type EarlyAnswer = { code: string; message: string; retryAfterSeconds?: number };

/**
 * Answers a request before all of it has come, and closes its connection. Where that was closed at once, what is still on
 * its way would make the other side drop the answer: so it is taken in and dropped, up to a bound.
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
  // All of the answer is under way from here on; its end only closes the connection.
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

/** Answers with one of our errors and its fields; throws any other, which is a fault. */
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
