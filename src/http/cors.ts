import type { IncomingMessage, ServerResponse } from 'node:http';

/** The headers that pages of other origins may send. */
const HEADERS = 'authorization, content-type, x-lull-account, x-lull-agent';
const PREFLIGHT_HOLDS_SECONDS = '600';

/**
 * Allows pages of the given origins, and no others, to send requests and read answers. Returns whether it answered
 * a preflight request.
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
