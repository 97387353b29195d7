import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import type { HeavyPlace } from '../db/heavy-reads.ts';
import { onBehalfOf } from '../db/pool/pool.ts';
import { LullError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { Caller, Identify } from '../schema/core/access.ts';
import type { SchemaDeps } from '../schema/core/context.ts';
import { createGraphqlServer, MAX_BODY_BYTES } from '../schema/core/server.ts';
import type { Leave } from './admission.ts';
import { type ReadWhole, readBody } from './body.ts';
import { allowOrigin } from './cors.ts';
import { openPage } from './graphiql-page.ts';
import { openRateLimit, type RateLimit, sendTooOften } from './rate-limit.ts';
import { type RequestLimits, refuseUnknown } from './request-limits.ts';
import { sendError, sendOurs } from './respond.ts';

export type GraphqlOptions = Pick<
  Config,
  'requestsPerMinute' | 'accountRequestsPerMinute' | 'corsOrigins' | 'environment'
> & {
  /** How often subscribers are authenticated again; by default every minute. */
  recheckMs?: number;
};

const RECHECK_MS = 60_000;
const READ_WITHIN_MS = 20_000;

/**
 * Makes the handler of API requests: authenticates and limits callers, reads bodies, and passes requests to
 * GraphQL.
 */
export async function openGraphql(
  deps: SchemaDeps & { identify: Identify; limits: RequestLimits },
  path: string,
  options: GraphqlOptions,
  stopping: AbortSignal,
): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const { limits, identify } = deps;
  const { corsOrigins, environment, recheckMs = RECHECK_MS } = options;
  const graphql = createGraphqlServer(deps, path, stopping);
  const isTooOften = openLimits(deps, options);
  const page = environment === 'development' ? await openPage(path) : null;

  return async (request, response) => {
    if (allowOrigin(request, response, corsOrigins)) return;
    if (page?.(request, response)) return;
    if (refuseForm(request, response)) return;
    const caller = await callerOf(request, response, deps);
    if (caller === null) return;
    if (request.headers.accept?.includes('event-stream'))
      hangUpOnceRefused(response, () => identified(request, identify), recheckMs);
    if (isTooOften(response, caller)) return;
    const body = await bodyOf(request, response, caller, limits);
    if (body === null) return;
    let leave: Leave | null = null;
    let place: HeavyPlace | null = null;
    const done = () => {
      leave?.();
      place?.leave();
      body.free();
    };
    const begin = async () => {
      leave = await limits.admission.enter(response, caller.accountId);
      return leave !== null;
    };
    const takePlace = async () => {
      leave?.stepAside();
      const left = new AbortController();
      response.once('close', () => left.abort());
      place = await deps.heavy.take(caller.accountId, left.signal);
      return place.db;
    };
    try {
      await onBehalfOf(caller.accountId, () =>
        graphql(withBody(request, body.bytes), response, { caller, begin, done, takePlace }),
      );
    } finally {
      done();
    }
  };
}

/**
 * Makes the function that counts requests by key and by account. It returns whether it answered a request that
 * exceeds a limit.
 */
function openLimits(
  { clock }: Pick<SchemaDeps, 'clock'>,
  { requestsPerMinute, accountRequestsPerMinute }: GraphqlOptions,
): (response: ServerResponse, caller: Caller) => boolean {
  const keys = openRateLimit(clock, requestsPerMinute);
  const accounts = openRateLimit(clock, accountRequestsPerMinute);
  const refuse = (response: ServerResponse, limit: RateLimit, who: string): boolean => {
    const waitMs = limit.take(who);
    if (waitMs === 0) return false;
    sendTooOften(response, waitMs, limit, limit === keys ? 'one key' : 'one account');
    return true;
  };
  return (response, { who, accountId }) =>
    refuse(response, keys, who) ||
    // Requests of an operator do not count for the account.
    (!who.startsWith('operator:') && refuse(response, accounts, accountId));
}

/** Reads the body within the account's memory budget; null if the request was answered instead. */
async function bodyOf(
  request: IncomingMessage,
  response: ServerResponse,
  { accountId, who }: Caller,
  { admission, knownBodies }: RequestLimits,
): Promise<ReadWhole | null> {
  if (request.method === 'GET') return { bytes: new Uint8Array(), free: () => {} };
  return await readBody(request, response, {
    ...{ maxBytes: MAX_BODY_BYTES, withinMs: READ_WITHIN_MS, admission, budget: knownBodies },
    owner: { place: accountId, sender: who },
  });
}

/** The request with its parsed body. Yoga would enumerate every byte of a raw body as a property. */
function withBody(request: IncomingMessage, bytes: Uint8Array): IncomingMessage {
  const body = {
    length: bytes.length,
    async *[Symbol.asyncIterator]() {
      yield bytes;
    },
  };
  return Object.assign(request, { body });
}

/** Answers requests that no API client sends. Returns whether it did. */
function refuseForm({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (method === 'GET') return false;
  if (method !== 'POST') {
    response.setHeader('allow', 'GET, POST');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', 'GET and POST are allowed');
    return true;
  }
  // A page of another origin cannot send this content type or the Authorization header without permission (CSRF).
  const isJson = headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/json';
  // Compressed bodies are refused, because a small one could expand to a large one.
  const isPacked = (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';
  if (isJson && !isPacked) return false;
  const needed = isJson ? 'a body without content-encoding' : 'content-type: application/json';
  sendError(response, 415, 'UNSUPPORTED_MEDIA_TYPE', `${needed} is needed`);
  return true;
}

/** Authenticates the caller; null for an unknown one. @throws the errors of `identify` */
async function identified({ headers }: IncomingMessage, identify: Identify): Promise<Caller | null> {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  const account = headerOf(headers['x-lull-account']);
  const agent = headerOf(headers['x-lull-agent']);
  return token === undefined ? null : await identify({ token, account, agent });
}

/**
 * Disconnects subscribers whose key was revoked or whose token has expired. If that cannot be checked now, nothing
 * happens.
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

/** Authenticates the caller; null if the request was answered, because the caller is unknown. */
async function callerOf(
  request: IncomingMessage,
  response: ServerResponse,
  { limits, identify, log }: { limits: RequestLimits; identify: Identify; log: Log },
): Promise<Caller | null> {
  try {
    const found = await limits.authentication.within(response, () => identified(request, identify));
    if (found === null) return null;
    if (found.done !== null) return found.done;
  } catch (error) {
    if (error instanceof LullError && error.cause !== undefined)
      log.warn({ err: error.cause }, 'the database does not answer');
    sendOurs(response, error);
    return null;
  }
  refuseUnknown(limits, limits.senderOf(request), response, () => {
    const message = 'authorization: Bearer, with a valid key or token, is needed';
    response.setHeader('www-authenticate', 'Bearer');
    sendError(response, 401, 'UNAUTHENTICATED', message);
  });
  return null;
}

function headerOf(value: string | string[] | undefined): string | null {
  return value === undefined || value === '' ? null : String(value);
}
