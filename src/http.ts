import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import { SetupError } from './domain/errors.ts';
import { send, sendError } from './http/answer.ts';
import { type GraphqlOptions, openGraphql } from './http/graphql.ts';
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
  WebhookDeps & {
    /** Who a request is by; null where that is not known. */
    identify: Identify;
    /** Whether the database has this code's newest migration; rejects where it does not answer. */
    isMigrated: () => Promise<boolean>;
  };

type HttpOptions = Pick<Config, 'host' | 'port' | 'publicUrl'> & GraphqlOptions;

const GRAPHQL_PATH = '/graphql';
const DRAIN_MS = 10_000;
/** A database that takes longer to answer counts as one that does not. */
const READY_WITHIN_MS = 2_000;

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
    response.once('close', () => underWay.delete(response));
    route(request, response).catch((error) => {
      deps.log.error({ err: error }, 'a request failed');
      if (response.headersSent) response.destroy();
      else sendError(response, 503, 'UNAVAILABLE', 'not possible just now; try again');
    });
  });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? '';
    if (isWebhookPath(path)) return await serveWebhooks(request, response);
    switch (path) {
      case GRAPHQL_PATH:
        return await serveGraphql(request, response);
      case '/health':
        return send(response, 200, { status: 'up' });
      case '/ready': {
        const failing = await whatFails(deps, stopping.signal);
        return send(response, failing.length === 0 ? 200 : 503, { ready: failing.length === 0, failing });
      }
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

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : (error.code ?? error.message);
      reject(new SetupError(`cannot listen on ${host}:${port}: ${reason}`));
    });
    server.listen(port, host, () => {
      const address = server.address();
      const real = typeof address === 'object' && address !== null ? address.port : port;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${real}`);
    });
  });
}

/** The names of what it cannot do its work without; why goes to the log alone. */
async function whatFails({ isMigrated, clock, log }: HttpDeps, stopping: AbortSignal): Promise<string[]> {
  const failing: string[] = [];
  const migrated = Promise.race([
    isMigrated(),
    sleep(READY_WITHIN_MS, null, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
  ]);
  try {
    if (!(await migrated)) failing.push('migrations');
  } catch (error) {
    log.warn({ err: error }, 'the database does not answer');
    failing.push('database');
  }
  if (!clock.isTrusted()) failing.push('clock');
  if (stopping.aborted) failing.push('stopping');
  return failing;
}
