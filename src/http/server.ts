import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { Identify } from '../schema/core/access.ts';
import type { SchemaDeps } from '../schema/core/context.ts';
import { openRowTurns } from '../schema/core/row-turns.ts';
import { type EntranceOptions, openEntrance } from './admission.ts';
import { limitConnections } from './connections.ts';
import { type GraphqlOptions, openGraphql } from './graphql.ts';
import { listen } from './listen.ts';
import { answerBroken, namesHost } from './malformed-requests.ts';
import type { Load } from './metrics.ts';
import { openDoor, type Refusal } from './overload.ts';
import { answerHealth, openReadiness, type ProbeDeps } from './probes.ts';
import { ALWAYS, sendError, sendUnavailable } from './respond.ts';
import { limitSubscriptions, type SubscriptionLimits } from './subscriptions.ts';
import { isWebhookPath, openWebhooks, type WebhookDeps } from './webhooks.ts';

/** A running HTTP server. */
export type HttpServer = {
  /** Where it listens, such as `http://127.0.0.1:4400`; the port is the real one where 0 was asked for. */
  url: string;
  /** What it is busy with just now. */
  load(): Load;
  /** Ends subscriptions, lets requests under way finish, 10 s at most, and closes every connection. */
  close(): Promise<void>;
};

/** What it serves with, besides what the API works with. */
export type HttpDeps = Omit<SchemaDeps, 'turns'> &
  WebhookDeps &
  ProbeDeps & {
    /** Who a request is by; null where that is not known. */
    identify: Identify;
    /** Told of every answer, by what was asked for and its HTTP status; absent where nobody counts. */
    answered?: ((route: Route, status: number) => void) | undefined;
    /** Told of every request that was not let in, and why; absent where nobody counts. */
    refused?: ((refusal: Refusal) => void) | undefined;
  };

/** What requests are told apart by when they are counted. */
type Route = 'graphql' | 'webhooks' | 'probes' | 'other';

type HttpOptions = Pick<Config, 'host' | 'port' | 'publicUrl' | 'connections'> &
  GraphqlOptions &
  EntranceOptions &
  SubscriptionLimits;

const GRAPHQL_PATH = '/graphql';
const DRAIN_MS = 10_000;
/** How long headers, and with them a body, may take to come. They are looked at every so often. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 2_000 };
/** Longer than balancers keep idle connections, mostly 60 s: a request must not meet one that is just being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Serves the API, providers' calls and the probes: `/graphql`, `/webhooks/…`, `/health` (the process is up) and `/ready` (it can do its work).
 * @throws SetupError where it cannot listen, with host and port
 */
export async function startHttp(deps: HttpDeps, options: HttpOptions): Promise<HttpServer> {
  const stopping = new AbortController();
  const { host, port } = options;
  const door = openDoor(options, deps.refused);
  const entrance = openEntrance(deps.clock, door, options);
  const subscriptions = limitSubscriptions(deps.subscribe, options);
  const turns = openRowTurns();
  // Over the given ones rather than copies of them: what those hold may be changed.
  const over = <Own extends object>(own: Own): HttpDeps & Own => Object.assign(Object.create(deps), own);
  const graphqlDeps = over({ subscribe: subscriptions.subscribe, entrance, turns });
  const serveGraphql = await openGraphql(graphqlDeps, GRAPHQL_PATH, options, stopping.signal);
  const serveWebhooks = openWebhooks(over({ entrance }), options.publicUrl);
  const readiness = openReadiness(deps, stopping.signal);
  const underWay = new Set<ServerResponse>();

  // A request without a host is answered here, with a code.
  const server = createServer(
    { ...TIMEOUTS, keepAliveTimeout: KEEP_ALIVE_MS, requireHostHeader: false },
    (request, response) => {
      underWay.add(response);
      for (const [name, value] of Object.entries(ALWAYS)) response.setHeader(name, value);
      if (stopping.signal.aborted) response.setHeader('connection', 'close');
      response.once('close', () => {
        underWay.delete(response);
        deps.answered?.(routeOf(request), response.statusCode);
      });
      route(request, response).catch((error) => {
        if (error instanceof UnavailableError)
          deps.log.warn({ err: error.cause }, 'the database does not answer');
        else deps.log.error({ err: error }, 'a request failed');
        if (response.headersSent) return response.destroy();
        sendUnavailable(response);
      });
    },
  );

  limitConnections(server, options.connections);
  server.on('clientError', (error, socket) => {
    const isAnswered = [...underWay].some((response) => response.socket === socket && response.headersSent);
    answerBroken(error, socket, isAnswered);
  });
  server.on('checkExpectation', (_request, response) => {
    sendError(response, 417, 'EXPECTATION_FAILED', 'only 100-continue can be expected');
  });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!namesHost(request)) return sendError(response, 400, 'BAD_REQUEST', 'a valid host header is needed');
    const path = pathOf(request);
    if (isWebhookPath(path)) return await serveWebhooks(request, response);
    switch (path) {
      case GRAPHQL_PATH:
        return await serveGraphql(request, response);
      case '/health':
        return answerHealth(response);
      case '/ready':
        return await readiness.answer(response);
      default:
        return sendError(response, 404, 'NOT_FOUND', 'there is nothing here');
    }
  }

  return {
    url: await listen(server, host, port),
    load: () => ({ ...door.load(), subscriptions: subscriptions.open() }),
    async close() {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const deadline = AbortSignal.timeout(DRAIN_MS);
      while (underWay.size > 0 && !deadline.aborted) await sleep(10);
      server.closeAllConnections();
      await closed;
      door.close();
      turns.close();
    },
  };
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
