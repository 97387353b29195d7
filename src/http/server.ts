import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { Identify } from '../schema/core/access.ts';
import type { SchemaDeps } from '../schema/core/context.ts';
import { openRowTurns } from '../schema/core/row-turns.ts';
import { openAdmission, type Refusal } from './admission.ts';
import { limitConnections } from './connections.ts';
import type { Load } from './gauges.ts';
import { type GraphqlOptions, openGraphql } from './graphql.ts';
import { listen } from './listen.ts';
import { answerBroken, namesHost } from './malformed-requests.ts';
import { answerHealth, openReadiness, type ProbeDeps } from './probes.ts';
import { openRequestLimits, type RequestLimitOptions } from './request-limits.ts';
import { ALWAYS, sendError, sendUnavailable } from './respond.ts';
import { limitSubscriptions, type SubscriptionLimits } from './subscriptions.ts';
import { isWebhookPath, openWebhooks, type WebhookDeps } from './webhooks.ts';

/** A running HTTP server. */
export type HttpServer = {
  /** Its URL, such as `http://127.0.0.1:4400`, with the real port if 0 was given. */
  url: string;
  /** Its present load. */
  load(): Load;
  /** Ends subscriptions, gives running requests up to 10 s, and closes every connection. */
  close(): Promise<void>;
};

/** The dependencies of the HTTP server, besides the API's. */
export type HttpDeps = Omit<SchemaDeps, 'turns'> &
  WebhookDeps &
  ProbeDeps & {
    /** Authenticates a request; null for an unknown caller. */
    identify: Identify;
    /** Called for every answer with its route and HTTP status; absent if no metrics are collected. */
    answered?: ((route: Route, status: number) => void) | undefined;
    /** Called for every refused request; absent if no metrics are collected. */
    refused?: ((refusal: Refusal) => void) | undefined;
  };

/** The routes by which requests are counted. */
type Route = 'graphql' | 'webhooks' | 'probes' | 'other';

type HttpOptions = Pick<Config, 'host' | 'port' | 'publicUrl' | 'connections'> &
  GraphqlOptions &
  RequestLimitOptions &
  SubscriptionLimits;

const GRAPHQL_PATH = '/graphql';
const DRAIN_MS = 10_000;
/** Time limits for headers and whole requests, and how often they are checked. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 2_000 };
/**
 * Longer than load balancers keep idle connections (usually 60 s), so that no request meets a connection that is
 * being closed.
 */
const KEEP_ALIVE_MS = 75_000;

/**
 * Serves the API at `/graphql`, providers' calls at `/webhooks/…`, and the probes `/health` (the process runs) and
 * `/ready` (it can do its work).
 * @throws SetupError with host and port if it cannot listen
 */
export async function startHttp(deps: HttpDeps, options: HttpOptions): Promise<HttpServer> {
  const stopping = new AbortController();
  const { host, port } = options;
  const admission = openAdmission(options, deps.refused);
  const limits = openRequestLimits(deps.clock, admission, options);
  const subscriptions = limitSubscriptions(deps.subscribe, options);
  const turns = openRowTurns();
  // Inherits from the given dependencies instead of copying them, because they may be replaced later.
  const over = <Own extends object>(own: Own): HttpDeps & Own => Object.assign(Object.create(deps), own);
  const graphqlDeps = over({ subscribe: subscriptions.subscribe, limits, turns });
  const serveGraphql = await openGraphql(graphqlDeps, GRAPHQL_PATH, options, stopping.signal);
  const routes: Routes = {
    graphql: serveGraphql,
    webhooks: openWebhooks(over({ limits }), options.publicUrl),
    ready: openReadiness(deps, stopping.signal).answer,
  };
  const running = new Set<ServerResponse>();
  // A request without a host is answered by `route`, with an error code.
  const server = createServer(
    { ...TIMEOUTS, keepAliveTimeout: KEEP_ALIVE_MS, requireHostHeader: false },
    (request, response) => {
      running.add(response);
      for (const [name, value] of Object.entries(ALWAYS)) response.setHeader(name, value);
      if (stopping.signal.aborted) response.setHeader('connection', 'close');
      response.once('close', () => {
        running.delete(response);
        deps.answered?.(routeOf(request), response.statusCode);
      });
      route(routes, request, response).catch((error) => answerFailed(deps.log, response, error));
    },
  );
  limitConnections(server, options.connections);
  answerBrokenRequests(server, running);

  return {
    url: await listen(server, host, port),
    load: () => ({ ...admission.load(), subscriptions: subscriptions.open() }),
    async close() {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const deadline = AbortSignal.timeout(DRAIN_MS);
      while (running.size > 0 && !deadline.aborted) await sleep(10);
      server.closeAllConnections();
      await closed;
      admission.close();
      turns.close();
    },
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
type Routes = { graphql: Handler; webhooks: Handler; ready: (response: ServerResponse) => Promise<void> };

async function route(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!namesHost(request)) return sendError(response, 400, 'BAD_REQUEST', 'a valid host header is required');
  const path = pathOf(request);
  if (isWebhookPath(path)) return await routes.webhooks(request, response);
  switch (path) {
    case GRAPHQL_PATH:
      return await routes.graphql(request, response);
    case '/health':
      return answerHealth(response);
    case '/ready':
      return await routes.ready(response);
    default:
      return sendError(response, 404, 'NOT_FOUND', 'there is nothing here');
  }
}

function answerFailed(log: Log, response: ServerResponse, error: unknown): void {
  if (error instanceof UnavailableError) log.warn({ err: error.cause }, 'the database does not answer');
  else log.error({ err: error }, 'a request failed');
  if (response.headersSent) response.destroy();
  else sendUnavailable(response);
}

/** Answers what is not a complete request, and the header `expect`. */
function answerBrokenRequests(server: Server, running: ReadonlySet<ServerResponse>): void {
  server.on('clientError', (error, socket) => {
    const isAnswered = [...running].some((response) => response.socket === socket && response.headersSent);
    answerBroken(error, socket, isAnswered);
  });
  server.on('checkExpectation', (_request, response) => {
    sendError(response, 417, 'EXPECTATION_FAILED', 'only 100-continue can be expected');
  });
}

function pathOf({ url }: IncomingMessage): string {
  return url?.split('?')[0] ?? '';
}

function routeOf(request: IncomingMessage): Route {
  const path = pathOf(request);
  if (path === GRAPHQL_PATH) return 'graphql';
  if (isWebhookPath(path)) return 'webhooks';
  return path === '/health' || path === '/ready' ? 'probes' : 'other';
}
