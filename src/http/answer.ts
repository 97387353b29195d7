import type { ServerResponse } from 'node:http';
import { LullError } from '../domain/errors.ts';

/** What an error that is found before GraphQL sees a request is answered with. */
const STATUS: Record<string, number> = {
  INVALID_INPUT: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  UNAVAILABLE: 503,
};

/** Answers in JSON. */
export function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}

/** Answers in the form of a GraphQL error, so that every client can read it. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, { errors: [{ message, extensions: { code } }] });
}

/** Answers with one of our errors and its fields; throws any other, which is a fault. */
export function sendOurs(response: ServerResponse, error: unknown): void {
  const status = error instanceof LullError ? STATUS[error.code] : undefined;
  if (!(error instanceof LullError) || status === undefined) throw error;
  const { name: _name, ...extensions } = { ...error };
  send(response, status, { errors: [{ message: error.message, extensions }] });
}
