import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import { sendError } from './http/answer.ts';
import { type GraphqlOptions, openGraphql } from './http/graphql.ts';
import { listen } from './http/listen.ts';
import { answerHealth, answerReady, type ProbeDeps } from './http/probes.ts';
import { isWebhookPath, openWebhooks, type WebhookDeps } from './http/webhooks.ts';
import type { Identify } from './schema/access.ts';
import type { SchemaDeps } from './schema/context.ts';

/** A running HTTP server. */
export type HttpServer = {
  /** Where it listens, such as `http://127.0.0.1:4400`; the port is the real one where 0 was asked for. */
  url: string;
  /** Ends subscriptions, lets requests under way finish, 10 s at most, and closes every connection. */
  close(): Promise<void>;
};

/** What it serves with, besides what the API works with. */
export type HttpDeps = SchemaDeps &
  WebhookDeps &
  ProbeDeps & {
    /** Who a request is by; null where that is not known. */
    identify: Identify;
    /** Told of every answer, by what was asked for and its HTTP status; absent where nobody counts. */
    answered?: ((route: Route, status: number) => void) | undefined;
  };

/** What requests are told apart by when they are counted. */
export type Route = 'graphql' | 'webhooks' | 'probes' | 'other';

type HttpOptions = Pick<Config, 'host' | 'port' | 'publicUrl'> & GraphqlOptions;

const GRAPHQL_PATH = '/graphql';
const DRAIN_MS = 10_000;

/**
 * Serves the API, providers' calls and the probes: `/graphql`, `/webhooks/…`, `/health` (the process is up) and `/ready` (it can do its work).
 * @throws SetupError where it cannot listen, with host and port
 */
export async function startHttp(deps: HttpDeps, options: HttpOptions): Promise<HttpServer> {
  const stopping = new AbortController();
  const { host, port } = options;
  const serveGraphql = await openGraphql(deps, GRAPHQL_PATH, options, stopping.signal);
  const serveWebhooks = openWebhooks(deps, options.publicUrl);
  const underWay = new Set<ServerResponse>();

  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    underWay.add(response);
    if (stopping.signal.aborted) response.setHeader('connection', 'close');
    response.once('close', () => {
      underWay.delete(response);
      deps.answered?.(routeOf(request), response.statusCode);
    });
    route(request, response).catch((error) => {
      deps.log.error({ err: error }, 'a request failed');
      if (response.headersSent) response.destroy();
      else sendError(response, 503, 'UNAVAILABLE', 'not possible just now; try again');
    });
  });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (isWebhookPath(path)) return await serveWebhooks(request, response);
    switch (path) {
      case GRAPHQL_PATH:
        return await serveGraphql(request, response);
      case '/health':
        return answerHealth(response);
      case '/ready':
        return await answerReady(response, deps, stopping.signal);
      default:
        return sendError(response, 404, 'NOT_FOUND', 'there is nothing here');
    }
  }

  return {
    url: await listen(server, host, port),
    async close() {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const deadline = AbortSignal.timeout(DRAIN_MS);
      while (underWay.size > 0 && !deadline.aborted) await sleep(10);
      server.closeAllConnections();
      await closed;
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
