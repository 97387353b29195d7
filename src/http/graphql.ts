import type { IncomingMessage, ServerResponse } from 'node:http';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Config } from '../config.ts';
import type { Caller, Identify } from '../schema/access.ts';
import type { SchemaDeps } from '../schema/context.ts';
import { createGraphqlServer } from '../schema/server.ts';
import { send, sendError, sendOurs } from './answer.ts';
import { allowOrigin } from './cors.ts';
import { openPage } from './page.ts';

export type GraphqlOptions = Pick<Config, 'requestsPerMinute' | 'corsOrigins' | 'environment'>;

/** Answers the requests to the API: finds who calls and how often, and hands on what GraphQL is to see. */
export async function openGraphql(
  deps: SchemaDeps & { identify: Identify },
  path: string,
  { requestsPerMinute, corsOrigins, environment }: GraphqlOptions,
  stopping: AbortSignal,
): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const graphql = createGraphqlServer(deps, path, stopping);
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 });
  const page = environment === 'development' ? await openPage(path) : null;

  return async (request, response) => {
    if (allowOrigin(request, response, corsOrigins)) return;
    if (page?.(request, response)) return;
    if (refuseForm(request, response)) return;
    const caller = await callerOf(request, response, deps.identify);
    if (caller === null) return;
    const waitMs = await waitOf(limiter, caller.who);
    if (waitMs > 0) return sendTooOften(response, waitMs, requestsPerMinute);
    await graphql(request, response, { caller });
  };
}

/** Answers what no client of the API sends; whether it did. */
function refuseForm({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (method === 'GET') return false;
  if (method !== 'POST') {
    response.setHeader('allow', 'GET, POST');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', 'GET and POST are allowed');
    return true;
  }
  // A page of another origin can send neither this content type nor the Authorization header unasked (CSRF).
  if (headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/json') return false;
  sendError(response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'content-type: application/json is needed');
  return true;
}

/** Finds who calls; null where it has been answered that nobody is known. */
async function callerOf(
  { headers }: IncomingMessage,
  response: ServerResponse,
  identify: Identify,
): Promise<Caller | null> {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  try {
    const account = headerOf(headers['x-lull-account']);
    const agent = headerOf(headers['x-lull-agent']);
    const caller = token === undefined ? null : await identify({ token, account, agent });
    if (caller !== null) return caller;
  } catch (error) {
    sendOurs(response, error);
    return null;
  }
  response.setHeader('www-authenticate', 'Bearer');
  sendError(response, 401, 'UNAUTHENTICATED', 'authorization: Bearer, with a valid key or token, is needed');
  return null;
}

function headerOf(value: string | string[] | undefined): string | null {
  return value === undefined || value === '' ? null : String(value);
}

/** Counts a request; how long its caller has to wait, 0 for not at all. */
async function waitOf(limiter: RateLimiterMemory, who: string): Promise<number> {
  try {
    await limiter.consume(who);
    return 0;
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
    throw refusal;
  }
}

function sendTooOften(response: ServerResponse, waitMs: number, perMinute: number): void {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  response.setHeader('retry-after', retryAfterSeconds);
  const message = `more than ${perMinute} requests in a minute: try again in ${retryAfterSeconds} s`;
  const extensions = { code: 'RATE_LIMITED', max: perMinute, retryAfterSeconds };
  send(response, 429, { errors: [{ message, extensions }] });
}
