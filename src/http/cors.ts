import type { IncomingMessage, ServerResponse } from 'node:http';

/** What pages of other origins may send besides what they may anyway. */
const HEADERS = 'authorization, content-type, x-lull-account, x-lull-agent';
const PREFLIGHT_HOLDS_SECONDS = '600';

/**
 * Lets pages of the given origins, and of no other, send requests and read answers.
 * Answers the browser's question whether they may; whether it was one.
 */
export function allowOrigin(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
): boolean {
  if (origins.length === 0) return false;
  response.setHeader('vary', 'origin');
  const { origin } = headers;
  if (origin === undefined || !origins.includes(origin)) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'retry-after');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  response.setHeader('access-control-allow-methods', 'GET, POST');
  response.setHeader('access-control-allow-headers', HEADERS);
  response.setHeader('access-control-max-age', PREFLIGHT_HOLDS_SECONDS);
  response.writeHead(204).end();
  return true;
}
