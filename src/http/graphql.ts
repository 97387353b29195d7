import type { IncomingMessage, ServerResponse } from 'node:http';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Config } from '../config.ts';
import type { HeavyPlace } from '../db/heavy-reads.ts';
import { LullError } from '../domain/errors.ts';
import type { Caller, Identify } from '../schema/access.ts';
import type { SchemaDeps } from '../schema/context.ts';
import { createGraphqlServer, MAX_BODY_BYTES } from '../schema/server.ts';
import { send, sendError, sendOurs } from './answer.ts';
import { allowOrigin } from './cors.ts';
import { type Door, inTurn, type Leave } from './overload.ts';
import { openPage } from './page.ts';

export type GraphqlOptions = Pick<Config, 'requestsPerMinute' | 'corsOrigins' | 'environment'> & {
  /** How often it is looked whether a subscriber is still let in; a minute where it is not said. */
  recheckMs?: number;
};

const RECHECK_MS = 60_000;

/** Answers the requests to the API: finds who calls and how often, and hands on what GraphQL is to see. */
export async function openGraphql(
  deps: SchemaDeps & { identify: Identify; door: Door },
  path: string,
  { requestsPerMinute, corsOrigins, environment, recheckMs = RECHECK_MS }: GraphqlOptions,
  stopping: AbortSignal,
): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const { door } = deps;
  const graphql = createGraphqlServer(deps, path, stopping);
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 });
  const page = environment === 'development' ? await openPage(path) : null;

  return async (request, response) => {
    if (allowOrigin(request, response, corsOrigins)) return;
    if (page?.(request, response)) return;
    if (refuseForm(request, response)) return;
    const found = await inTurn(door, response, () => callerOf(request, response, deps.identify));
    if (found === null || found.done === null) return;
    const { done: caller } = found;
    if (request.headers.accept?.includes('event-stream'))
      hangUpOnceRefused(response, () => identified(request, deps.identify), recheckMs);
    const waitMs = await waitOf(limiter, caller.who);
    if (waitMs > 0) return sendTooOften(response, waitMs, requestsPerMinute);
    const bytes = lengthOf(request);
    if (!door.keep(bytes)) return door.refuse(response, 'memory');
    let leave: Leave | null = null;
    let place: HeavyPlace | null = null;
    let keptBytes = bytes;
    const done = () => {
      leave?.();
      place?.leave();
      door.keep(-keptBytes);
      keptBytes = 0;
    };
    const begin = async () => {
      leave = await door.enter(response, caller.accountId);
      return leave !== null;
    };
    const takePlace = async () => {
      leave?.stepAside();
      const left = new AbortController();
      response.once('close', () => left.abort());
      place = await deps.heavy.take(caller.accountId, left.signal);
      return place.db;
    };
    // Who hangs up in mid-body is heard of no more.
    response.once('close', () => {
      door.keep(-keptBytes);
      keptBytes = 0;
    });
    try {
      await graphql(request, response, { caller, begin, done, takePlace });
    } finally {
      done();
    }
  };
}

/** How many bytes a request's body may have: as many as it says, or as any may. */
function lengthOf({ headers, method }: IncomingMessage): number {
  if (method === 'GET') return 0;
  return Math.min(Number(headers['content-length'] ?? MAX_BODY_BYTES), MAX_BODY_BYTES);
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
  const isJson = headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/json';
  // Nothing is unpacked: what is little here could be much there.
  const isPacked = (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';
  if (isJson && !isPacked) return false;
  const needed = isJson ? 'a body without content-encoding' : 'content-type: application/json';
  sendError(response, 415, 'UNSUPPORTED_MEDIA_TYPE', `${needed} is needed`);
  return true;
}

/** Finds who calls; null where nobody is known. @throws what `identify` does */
async function identified({ headers }: IncomingMessage, identify: Identify): Promise<Caller | null> {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  const account = headerOf(headers['x-lull-account']);
  const agent = headerOf(headers['x-lull-agent']);
  return token === undefined ? null : await identify({ token, account, agent });
}

/**
 * Hangs up on a subscriber who would not be let in any more: whose key was revoked, or whose token has run out. Where
 * that cannot be known just now, nothing happens.
 */
function hangUpOnceRefused(
  response: ServerResponse,
  identify: () => Promise<Caller | null>,
  everyMs: number,
): void {
  const look = setInterval(async () => {
    try {
      if ((await identify()) === null) response.destroy();
    } catch (error) {
      if (error instanceof LullError && error.code !== 'UNAVAILABLE') response.destroy();
    }
  }, everyMs);
  response.once('close', () => clearInterval(look));
}

/** Finds who calls; null where it has been answered that nobody is known. */
async function callerOf(
  request: IncomingMessage,
  response: ServerResponse,
  identify: Identify,
): Promise<Caller | null> {
  try {
    const caller = await identified(request, identify);
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
